//! Octets to packets of the simulated network, as a capture or another engine gives them.

use portcullis_network::Packet;

/// Refused, or a packet whose octets read as the same packet; also with its checksums put right,
/// because chance does not find right ones.
pub(crate) fn run(octets: &[u8]) {
    read(octets);
    let mut repaired = octets.to_vec();
    if repair(&mut repaired).is_some() {
        read(&repaired);
    }
}

fn read(octets: &[u8]) {
    let Ok(packet) = Packet::decode(octets) else {
        return;
    };
    let written = packet.encode();
    assert_eq!(written.len(), packet.wire_len());
    assert_eq!(Packet::decode(&written), Ok(packet.clone()));
    if let Some(answer) = packet.reset_answer() {
        assert_eq!(Packet::decode(&answer.encode()), Ok(answer));
    }
}

/// Puts the checksums right, if there is enough of the packet to have any.
fn repair(octets: &mut [u8]) -> Option<()> {
    let length = usize::from(u16::from_be_bytes([*octets.get(2)?, *octets.get(3)?]));
    let (header, body) = octets.get_mut(..length)?.split_at_mut_checked(20)?;
    put(header, 10, 0)?;
    match header[9] {
        6 => {
            let pseudo = sum(&header[12..20]) + 6 + u64::try_from(body.len()).ok()?;
            put(body, 16, pseudo)
        }
        1 => put(body.get_mut(..36)?, 2, 0),
        _ => None,
    }
}

/// Writes the checksum of `octets`, which begins with `initial`, at `at`.
fn put(octets: &mut [u8], at: usize, initial: u64) -> Option<()> {
    octets.get_mut(at..at + 2)?.fill(0);
    let mut sum = sum(octets) + initial;
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let checksum = !u16::try_from(sum).ok()?;
    octets
        .get_mut(at..at + 2)?
        .copy_from_slice(&checksum.to_be_bytes());
    Some(())
}

fn sum(octets: &[u8]) -> u64 {
    octets
        .chunks(2)
        .map(|pair| {
            let low = pair.get(1).copied().unwrap_or(0);
            u64::from(u16::from_be_bytes([pair[0], low]))
        })
        .sum()
}
