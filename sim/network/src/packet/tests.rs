use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn segment() -> impl Strategy<Value = TcpSegment> {
    (
        any::<(u16, u16, u32, u32, u16)>(),
        0_u8..32,
        any::<Option<u16>>(),
        proptest::option::of(0_u8..=14),
        proptest::collection::vec(any::<u8>(), 0..200),
    )
        .prop_map(
            |((source, destination, sequence, ack, window), flags, mss, scale, payload)| {
                TcpSegment {
                    source_port: source,
                    destination_port: destination,
                    sequence: Sequence(sequence),
                    acknowledgement: Sequence(ack),
                    flags: TcpFlags(flags),
                    window,
                    mss,
                    window_scale: scale,
                    payload: Bytes::from(payload),
                }
            },
        )
}

fn packet() -> impl Strategy<Value = Packet> {
    (
        any::<(u32, u32, u16)>(),
        segment(),
        proptest::option::of(0_usize..4),
    )
        .prop_map(|((source, destination, identification), segment, icmp)| {
            let packet = Packet {
                source: source.into(),
                destination: destination.into(),
                identification,
                transport: Transport::Tcp(segment),
            };
            icmp.and_then(|kind| {
                packet.unreachable_answer(packet.destination, Unreachable::ALL[kind])
            })
            .unwrap_or(packet)
        })
}

proptest! {
    #[test]
    fn a_packet_survives_its_octets(packet in packet()) {
        let octets = packet.encode();
        prop_assert_eq!(octets.len(), packet.wire_len());
        prop_assert_eq!(Packet::decode(&octets), Ok(packet));
    }

    #[test]
    fn a_flipped_bit_is_detected(
        packet in packet(),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut octets = packet.encode();
        let at = at.index(octets.len());
        octets[at] ^= 1_u8 << bit;
        prop_assert!(Packet::decode(&octets).is_err());
    }

    #[test]
    fn any_octets_decode_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut forced = octets;
        if let Some(first) = forced.first_mut() {
            *first = 0x45;
        }
        prop_assert!(Packet::decode(&forced).is_err());
    }
}

#[test]
fn a_syn_to_a_closed_port_is_answered_as_the_rfc_says() {
    let mut segment = TcpSegment::between(50_000, 80);
    segment.sequence = Sequence(u32::MAX);
    segment.flags = TcpFlags::SYN;
    let syn = Packet {
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        identification: 0,
        transport: Transport::Tcp(segment),
    };
    let answer = syn.reset_answer().unwrap();
    assert_eq!(
        answer.to_string(),
        "10.0.0.2:80 > 10.0.0.1:50000 RA seq 0 ack 0 win 0 len 0"
    );
    assert_eq!(answer.reset_answer(), None);
}
