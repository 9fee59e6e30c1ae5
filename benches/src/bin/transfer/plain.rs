//! The least that a transfer of the same promises does, and a raw copy.
//!
//! The plain pipeline reads a part, digests it, and writes it in base64 to one connection. The
//! other side decodes it, digests it, compares, writes it at its place, syncs, and acknowledges.
//! Nothing waits for an acknowledgement before the end. One thread on each side.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_agent::message::Digest;
use sha2::Sha256;

use crate::Failed;
use crate::part::{Process, say_ready, the_file};

fn connect(process: &Process) -> Result<TcpStream, Failed> {
    let port = *process.ports.first().ok_or("a port")?;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn accept(process: &Process) -> Result<TcpStream, Failed> {
    let port = *process.ports.first().ok_or("a port")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    say_ready()?;
    Ok(listener.accept()?.0)
}

/// The code that a message with this text would carry. ET-73
fn code_text(octets: &[u8]) -> Result<String, Failed> {
    let mut code = Hmac::<Sha256>::new_from_slice(&[7; 32])?;
    code.update(octets);
    let code = code.finalize().into_bytes();
    Ok(code.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// The digest that a part of these octets has.
fn digest_text(octets: &[u8]) -> String {
    Digest::of(octets).to_string()
}

pub(crate) fn source(process: &Process) -> Result<(), Failed> {
    let mut file = File::open(the_file(&process.directory))?;
    let mut stream = connect(process)?;
    let mut acknowledgements = stream.try_clone()?;
    let mut parts = 0_usize;
    let mut octets = Vec::with_capacity(process.part_octets);
    let mut text = String::new();
    loop {
        octets.clear();
        let limit = process.part_octets as u64;
        Read::by_ref(&mut file)
            .take(limit)
            .read_to_end(&mut octets)?;
        if octets.is_empty() {
            break;
        }
        text.clear();
        STANDARD.encode_string(&octets, &mut text);
        let mut head = digest_text(&octets);
        if process.code {
            head.push_str(&code_text(text.as_bytes())?);
        }
        stream.write_all(&(text.len() as u64).to_be_bytes())?;
        stream.write_all(head.as_bytes())?;
        stream.write_all(text.as_bytes())?;
        parts += 1;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    acknowledgements.read_exact(&mut vec![0; parts])?;
    Ok(())
}

pub(crate) fn sink(process: &Process) -> Result<(), Failed> {
    let mut stream = accept(process)?;
    let mut file = File::create(the_file(&process.directory))?;
    let mut head = vec![0; if process.code { 128 } else { 64 }];
    let (mut text, mut octets) = (Vec::new(), Vec::new());
    let (mut at, mut parts) = (0_u64, 0_usize);
    loop {
        let mut length = [0; 8];
        match stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error.into()),
        }
        stream.read_exact(&mut head)?;
        let length = u64::from_be_bytes(length);
        text.clear();
        Read::by_ref(&mut stream)
            .take(length)
            .read_to_end(&mut text)?;
        octets.clear();
        STANDARD.decode_vec(&text, &mut octets)?;
        let code = if process.code {
            code_text(&text)?
        } else {
            String::new()
        };
        if head != (digest_text(&octets) + &code).as_bytes() {
            return Err("not what was sent".into());
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&octets)?;
        if !process.one_sync {
            file.sync_data()?;
        }
        at += octets.len() as u64;
        parts += 1;
        if !process.one_sync {
            stream.write_all(&[1])?;
        }
    }
    if process.one_sync {
        file.sync_data()?;
        stream.write_all(&vec![1; parts])?;
    }
    Ok(())
}

/// Octets copied at a time.
const PIECE: usize = 256 * 1024;

pub(crate) fn raw_source(process: &Process) -> Result<(), Failed> {
    let mut file = File::open(the_file(&process.directory))?;
    let mut stream = connect(process)?;
    let mut piece = vec![0; PIECE];
    loop {
        let octets = file.read(&mut piece)?;
        if octets == 0 {
            break;
        }
        stream.write_all(piece.get(..octets).unwrap_or_default())?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(())
}

pub(crate) fn raw_sink(process: &Process) -> Result<(), Failed> {
    let mut stream = accept(process)?;
    let mut piece = vec![0; PIECE];
    while stream.read(&mut piece)? > 0 {}
    stream.write_all(&[1])?;
    Ok(())
}
