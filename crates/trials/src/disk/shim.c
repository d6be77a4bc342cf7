/*
 * A disk that fails, stands still or loses power, for one process: preloaded into it, this library stands between the
 * program and the C library for every call that changes a file below one folder. See disk.rs for who sets what.
 *
 *   TRIALS_FOLDER    the folder, absolute; nothing happens to other files
 *   TRIALS_FAIL      "eio", "enospc", "short" or "stall": what becomes of one call
 *   TRIALS_FAIL_AT   which call, counted from 1 over all that are intercepted; "short" hits the first write from there
 *                    on, "stall" the first sync
 *   TRIALS_STALL_MS  how long a stalled sync takes
 *   TRIALS_FIRED     file that then gets the name of the call and its path
 *   TRIALS_JOURNAL   folder that gets what undoes each call, in `journal`, and every file that is unlinked; a simulated
 *                    power cut undoes what was not synced (power.rs)
 *   TRIALS_LIE       syncs succeed and are not noted in the journal: a store that relies on them must be found out
 *
 * Writes are serialized. A sync error is told once to every descriptor that was open, as Linux does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum fault { NONE, FAIL_EIO, FAIL_ENOSPC, FAIL_SHORT, FAIL_STALL };
enum sort { OTHER, WRITE, SYNC };
/* Kinds of a journal entry, the same as in power.rs. */
enum kind { WRITTEN = 1, TRUNCATED, SYNCED, CREATED, UNLINKED, RENAMED, MADE_FOLDER };

#define DESCRIPTORS 65536
#define FILES 1024
#define PATH 512

static char folder[PATH], fired_file[PATH], journal_folder[PATH];
static size_t folder_length;
static enum fault fault = NONE;
static long fail_at, stall_ms;
static int lies, journal = -1;
static atomic_long calls;
static atomic_int fired;

/* Serializes what changes a file with its entry in the journal. */
static pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER;
static uint64_t sequence;

/* How many sync errors a file had, and how many of them a descriptor was told or came too late for. */
static struct { uint64_t inode; unsigned errors; } files[FILES];
static unsigned told[DESCRIPTORS];
static pthread_mutex_t errors = PTHREAD_MUTEX_INITIALIZER;

static void copy(char *to, const char *from) {
    snprintf(to, PATH, "%s", from ? from : "");
}

__attribute__((constructor)) static void begin(void) {
    copy(folder, getenv("TRIALS_FOLDER"));
    copy(fired_file, getenv("TRIALS_FIRED"));
    copy(journal_folder, getenv("TRIALS_JOURNAL"));
    folder_length = strlen(folder);
    const char *what = getenv("TRIALS_FAIL"), *at = getenv("TRIALS_FAIL_AT"), *ms = getenv("TRIALS_STALL_MS");
    fail_at = at ? atol(at) : 0;
    stall_ms = ms ? atol(ms) : 0;
    lies = getenv("TRIALS_LIE") != NULL;
    if (what && !strcmp(what, "eio")) fault = FAIL_EIO;
    if (what && !strcmp(what, "enospc")) fault = FAIL_ENOSPC;
    if (what && !strcmp(what, "short")) fault = FAIL_SHORT;
    if (what && !strcmp(what, "stall")) fault = FAIL_STALL;
    if (*journal_folder) {
        char path[PATH + 16];
        snprintf(path, sizeof path, "%s/journal", journal_folder);
        journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        if (journal < 0) abort();
    }
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static int is_ours(const char *path) {
    return folder_length && !strncmp(path, folder, folder_length) &&
           (path[folder_length] == '/' || path[folder_length] == 0);
}

/* The path of a descriptor, when it is ours. */
static int ours(int fd, char *path) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = folder_length ? readlink(link, path, PATH - 1) : -1;
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

/* Counts a call, and says whether it is the one that fails. */
static enum fault next(enum sort sort, const char *name, const char *path) {
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (fault == NONE || call < fail_at || atomic_load(&fired)) return NONE;
    if ((fault == FAIL_SHORT && sort != WRITE) || (fault == FAIL_STALL && sort != SYNC)) return NONE;
    if (atomic_exchange(&fired, 1)) return NONE;
    int file = syscall(SYS_openat, AT_FDCWD, fired_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) {
        char line[PATH + 32];
        int length = snprintf(line, sizeof line, "%s %s", name, path);
        if (syscall(SYS_write, file, line, length) < 0) abort();
        syscall(SYS_close, file);
    }
    return fault;
}

static int refused(enum fault fault) {
    errno = fault == FAIL_ENOSPC ? ENOSPC : EIO;
    return fault == FAIL_EIO || fault == FAIL_ENOSPC;
}

/* One entry: numbers, then a path and a payload. */
static void note(enum kind kind, uint64_t inode, uint64_t offset, uint64_t length, uint64_t size, const char *path,
                 const void *payload, size_t payload_length) {
    uint64_t head[8] = {kind, ++sequence, inode, offset, length, size, strlen(path), payload_length};
    struct iovec parts[3] = {{head, sizeof head}, {(void *)path, strlen(path)}, {(void *)payload, payload_length}};
    ssize_t all = sizeof head + strlen(path) + payload_length;
    if (syscall(SYS_writev, journal, parts, 3) != all) abort();
}

/* Notes what is there now in a stretch of a file that is about to change; `length` counts from `offset`. */
static void note_stretch(enum kind kind, int fd, const char *path, off_t offset, size_t length) {
    struct stat stat;
    if (fstat(fd, &stat)) abort();
    size_t there = offset < stat.st_size ? (size_t)(stat.st_size - offset) : 0;
    if (there > length) there = length;
    char *before = malloc(there + 1), link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int reader = there ? (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0) : -1;
    if (!before || (there && (reader < 0 || pread(reader, before, there, offset) != (ssize_t)there))) abort();
    if (there) syscall(SYS_close, reader);
    note(kind, stat.st_ino, offset, length, stat.st_size, path, before, there);
    free(before);
}

/* Keeps a file that is about to lose its name; where, or nothing when there is no such file. */
static void keep(const char *path, char *kept) {
    snprintf(kept, PATH + 32, "%s/kept-%llu", journal_folder, (unsigned long long)sequence + 1);
    if (link(path, kept)) *kept = 0;
}

static ssize_t do_write(int fd, const void *bytes, size_t count, off_t offset, int at, const char *name, char *path) {
    enum fault fault = next(WRITE, name, path);
    if (refused(fault)) return -1;
    if (fault == FAIL_SHORT && count > 1) count /= 2;
    pthread_mutex_lock(&change);
    if (journal >= 0) note_stretch(WRITTEN, fd, path, at ? offset : lseek(fd, 0, SEEK_CUR), count);
    ssize_t wrote = at ? syscall(SYS_pwrite64, fd, bytes, count, offset) : syscall(SYS_write, fd, bytes, count);
    int error = errno;
    pthread_mutex_unlock(&change);
    errno = error;
    return wrote;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    char path[PATH];
    return ours(fd, path) ? do_write(fd, bytes, count, 0, 0, "write", path) : syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    char path[PATH];
    if (!ours(fd, path)) return syscall(SYS_pwrite64, fd, bytes, count, offset);
    return do_write(fd, bytes, count, offset, 1, "pwrite", path);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH];
    if (!ours(fd, path) || count < 1) return syscall(SYS_writev, fd, parts, count);
    return do_write(fd, parts[0].iov_base, parts[0].iov_len, 0, 0, "write", path);
}

/* The sync errors of a file; with one more when `failed`. */
static unsigned errors_of(uint64_t inode, int failed) {
    for (int place = 0; place < FILES; place++) {
        if (files[place].inode && files[place].inode != inode) continue;
        files[place].inode = inode;
        return files[place].errors += failed;
    }
    abort();
}

static int do_sync(int fd, const char *name, const char *path, int (*sync)(int)) {
    struct stat stat;
    if (fd >= DESCRIPTORS || fstat(fd, &stat)) abort();
    enum fault fault = next(SYNC, name, path);
    int failed = refused(fault), error = errno;
    pthread_mutex_lock(&errors);
    unsigned now = errors_of(stat.st_ino, failed);
    int late = told[fd] < now;
    told[fd] = now;
    pthread_mutex_unlock(&errors);
    if (failed || late) {
        errno = failed ? error : EIO;
        return -1;
    }
    if (fault == FAIL_STALL) {
        struct timespec time = {stall_ms / 1000, stall_ms % 1000 * 1000000};
        nanosleep(&time, NULL);
    }
    pthread_mutex_lock(&change);
    uint64_t until = sequence;
    pthread_mutex_unlock(&change);
    int result = sync(fd);
    error = errno;
    if (!result && journal >= 0 && !lies) {
        pthread_mutex_lock(&change);
        note(SYNCED, stat.st_ino, until, 0, S_ISDIR(stat.st_mode), path, "", 0);
        pthread_mutex_unlock(&change);
    }
    errno = error;
    return result;
}

static int real_fsync(int fd) { return syscall(SYS_fsync, fd); }
static int real_fdatasync(int fd) { return syscall(SYS_fdatasync, fd); }

int fsync(int fd) {
    char path[PATH];
    return ours(fd, path) ? do_sync(fd, "fsync", path, real_fsync) : real_fsync(fd);
}

int fdatasync(int fd) {
    char path[PATH];
    return ours(fd, path) ? do_sync(fd, "fdatasync", path, real_fdatasync) : real_fdatasync(fd);
}

/* Tells errors as a sync does, and makes nothing durable. */
int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags) {
    char path[PATH];
    if (!ours(fd, path)) return syscall(SYS_sync_file_range, fd, offset, count, flags);
    struct stat stat;
    if (fd >= DESCRIPTORS || fstat(fd, &stat)) abort();
    int failed = refused(next(OTHER, "sync_file_range", path)), error = errno;
    pthread_mutex_lock(&errors);
    unsigned now = errors_of(stat.st_ino, failed);
    int late = told[fd] < now;
    told[fd] = now;
    pthread_mutex_unlock(&errors);
    errno = failed ? error : EIO;
    return failed || late ? -1 : (int)syscall(SYS_sync_file_range, fd, offset, count, flags);
}

int ftruncate64(int fd, off64_t length) {
    char path[PATH];
    if (!ours(fd, path)) return syscall(SYS_ftruncate, fd, length);
    if (refused(next(OTHER, "ftruncate", path))) return -1;
    pthread_mutex_lock(&change);
    if (journal >= 0) note_stretch(TRUNCATED, fd, path, length, SIZE_MAX / 4);
    int result = syscall(SYS_ftruncate, fd, length), error = errno;
    pthread_mutex_unlock(&change);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t length) {
    return ftruncate64(fd, length);
}

static int do_open(const char *path, int flags, mode_t mode) {
    if (!is_ours(path)) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if ((flags & O_ACCMODE) != O_RDONLY && refused(next(OTHER, "open", path))) return -1;
    pthread_mutex_lock(&change);
    if (journal >= 0 && (flags & O_CREAT) && access(path, F_OK)) note(CREATED, 0, 0, 0, 0, path, "", 0);
    if (journal >= 0 && (flags & O_TRUNC)) {
        int file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        if (file >= 0) {
            note_stretch(TRUNCATED, file, path, 0, SIZE_MAX / 4);
            syscall(SYS_close, file);
        }
    }
    int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode), error = errno;
    pthread_mutex_unlock(&change);
    struct stat stat;
    if (fd >= 0 && fd < DESCRIPTORS && !fstat(fd, &stat)) {
        pthread_mutex_lock(&errors);
        told[fd] = errors_of(stat.st_ino, 0);
        pthread_mutex_unlock(&errors);
    }
    errno = error;
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open64(const char *path, int flags, ...) {
    MODE(flags)
    return do_open(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    MODE(flags)
    return do_open(path, flags, mode);
}

int unlink(const char *path) {
    if (!is_ours(path)) return REAL(unlink)(path);
    if (refused(next(OTHER, "unlink", path))) return -1;
    pthread_mutex_lock(&change);
    if (journal >= 0) {
        char kept[PATH + 32];
        keep(path, kept);
        if (*kept) note(UNLINKED, 0, 0, 0, 0, path, kept, strlen(kept));
    }
    int result = REAL(unlink)(path), error = errno;
    pthread_mutex_unlock(&change);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    if (!is_ours(from)) return REAL(rename)(from, to);
    if (refused(next(OTHER, "rename", to))) return -1;
    pthread_mutex_lock(&change);
    if (journal >= 0) {
        char kept[PATH + 32], names[2 * PATH + 32];
        keep(to, kept);
        int length = snprintf(names, sizeof names, "%s\n%s", to, kept);
        note(RENAMED, 0, 0, 0, 0, from, names, length);
    }
    int result = REAL(rename)(from, to), error = errno;
    pthread_mutex_unlock(&change);
    errno = error;
    return result;
}

int mkdir(const char *path, mode_t mode) {
    if (!is_ours(path)) return REAL(mkdir)(path, mode);
    if (refused(next(OTHER, "mkdir", path))) return -1;
    pthread_mutex_lock(&change);
    if (journal >= 0 && access(path, F_OK)) note(MADE_FOLDER, 0, 0, 0, 0, path, "", 0);
    int result = REAL(mkdir)(path, mode), error = errno;
    pthread_mutex_unlock(&change);
    errno = error;
    return result;
}
