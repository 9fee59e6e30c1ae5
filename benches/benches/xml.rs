//! The strict XML gate beside the bare tokenizer it is built on, in octets a CPU second.

mod cpu_time;

use std::fmt::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_xml::{Document, Limits, check};
use quick_xml::NsReader;
use quick_xml::events::Event;

use cpu_time::CpuTime;

/// Many small elements with attributes and character references, as a listing has.
fn listing() -> String {
    let mut text = String::from("<l:list xmlns:l=\"urn:example:list\">");
    for number in 0..2_000 {
        let written = write!(
            text,
            "<l:file name=\"part-{number}.bin\" octets=\"{}\">a &lt; b &amp; c</l:file>",
            number * 37
        );
        written.expect("a string takes everything");
    }
    text.push_str("</l:list>");
    text
}

/// One part of an object: 6 MiB of base64 in one element.
fn part() -> String {
    let body = "QUJD".repeat(6 * 1024 * 1024 / 4);
    format!("<p:part xmlns:p=\"urn:example:part\" object=\"o\" n=\"1\" m=\"2\">{body}</p:part>")
}

/// Reads every event and resolves every element's namespace, and checks nothing else.
fn tokenize(octets: &[u8]) -> usize {
    let mut reader = NsReader::from_reader(octets);
    let mut count = 0;
    loop {
        match reader
            .read_resolved_event()
            .expect("the document is well formed")
        {
            (_, Event::Eof) => return count,
            _ => count += 1,
        }
    }
}

fn gates(criterion: &mut Criterion<CpuTime>) {
    let limits = Limits::transfer_part();
    for (name, document) in [("listing", listing()), ("part", part())] {
        let octets = document.as_bytes();
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(20)
            .throughput(Throughput::Bytes(octets.len() as u64));
        group.bench_function("bare", |bencher| bencher.iter(|| tokenize(octets)));
        group.bench_function("check", |bencher| {
            bencher.iter(|| check(octets, &limits).expect("the document is well formed"));
        });
        group.bench_function("parse", |bencher| {
            bencher.iter(|| {
                Document::parse(octets, &limits).expect("the document is well formed");
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = gates
}
criterion_main!(benches);
