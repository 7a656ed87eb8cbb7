//! Captures that end too early: no panic, healthy never becomes failed, failing keeps its cause or becomes inconclusive.

use std::fs;

use crate::common::{analyse, cases};
use why502::diagnosis::Outcome;

/// Bytes of each file that are cut one by one.
const CUT_BYTES: usize = 4096;

/// Ends of the records of a classic pcap file in host order, header included.
fn record_ends(pcap: &[u8]) -> Vec<usize> {
    assert_eq!(pcap[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "the generator writes little-endian microsecond pcap");
    let mut ends = vec![24];
    while let Some(len) = pcap.get(ends[ends.len() - 1] + 8..).and_then(|rest| rest.first_chunk::<4>()) {
        ends.push(ends[ends.len() - 1] + 16 + u32::from_le_bytes(*len) as usize);
    }
    ends
}

#[test]
fn cut_at_every_packet() {
    let mut wrong = Vec::new();
    for case in cases() {
        let bytes = fs::read(&case.path).unwrap();
        for (packets, &end) in record_ends(&bytes).iter().enumerate() {
            let (ear, _) = analyse(&bytes[..end]).unwrap();
            for told in &ear.connections {
                let keeps = told.cause.is_some()
                    && (told.cause == case.cause.as_deref() || case.also.contains(told.cause.unwrap()));
                if told.outcome == Outcome::Failed && !keeps {
                    wrong.push(format!("{} after {packets} packets: {:?}", case.name, told.findings));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a capture that ends early changes its story:\n{}", wrong.join("\n"));
}

#[test]
fn cut_at_every_byte() {
    for case in cases() {
        let bytes = fs::read(&case.path).unwrap();
        for end in 0..bytes.len().min(CUT_BYTES) {
            let Some((ear, _)) = analyse(&bytes[..end]) else {
                assert!(end < 24, "{}: {end} bytes are no capture", case.name);
                continue;
            };
            let failed = ear.connections.iter().any(|t| t.outcome == Outcome::Failed);
            assert!(!failed || case.cause.is_some(), "{}: {end} bytes of a healthy capture fail", case.name);
        }
    }
}
