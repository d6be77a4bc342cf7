//! What `tonic-prost-build` writes; its lint exceptions live on this one module.
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::too_many_lines,
    clippy::allow_attributes_without_reason,
    clippy::wildcard_enum_match_arm,
    reason = "generated code"
)]

pub mod data {
    //! `reform.data`: records, their changes, and maintenance.
    pub mod v1 {
        //! Version 1.
        tonic::include_proto!("reform.data.v1");
    }
}

pub mod encoded {
    //! The servers of `reform.data.v1` once more, with the records of answers as bytes; and that of `reform.analytics.v1`,
    //! with the figures of one indicator as bytes.
    tonic::include_proto!("encoded/reform.analytics.v1");
    tonic::include_proto!("encoded/reform.data.v1");
}

pub mod analytics {
    //! `reform.analytics`: indicators.
    pub mod v1 {
        //! Version 1.
        tonic::include_proto!("reform.analytics.v1");
    }
}
