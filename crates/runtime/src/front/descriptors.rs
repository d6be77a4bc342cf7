//! Open files are few on some machines, and a connection is one.

use rustix::process::{Resource, getrlimit};

/// Descriptors that are not for connections: the store, its temporary files, logs, the other listener.
const RESERVED: u64 = 192;

/// At most so many connections as asked for, and as there are descriptors for.
pub(super) fn connections(asked: usize) -> usize {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return asked };
    let connections = room(asked, limit);
    if connections < asked {
        tracing::warn!(
            asked,
            connections,
            limit,
            "fewer connections than asked for: raise the limit of open files"
        );
    }
    connections
}

fn room(asked: usize, limit: u64) -> usize {
    // Half of them where there are so few that the rest would not be enough.
    let room = limit.saturating_sub(RESERVED).max(limit / 2).max(1);
    asked.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_for_other_files() {
        let table = [(512, 20_000, 512), (512, 512, 320), (512, 256, 128), (512, 1, 1), (100, 512, 100)];
        for (asked, limit, expected) in table {
            assert_eq!(room(asked, limit), expected, "{asked} of {limit}");
        }
    }
}
