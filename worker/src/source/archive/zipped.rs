//! The members of a zip file, also of one whose directory at the end is missing.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::super::SourceError;
use super::part::Member;

const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
const LOCAL_HEADER_LENGTH: usize = 30;
/// The flag of a member whose length is written after it.
const LENGTH_FOLLOWS: u16 = 1 << 3;
const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Stands for a length that is written elsewhere.
const LENGTH_ELSEWHERE: u32 = u32::MAX;

/// The files in a zip file, in its own order.
pub(super) fn members(path: &Path) -> Result<Vec<Member>, SourceError> {
    let cause = |cause| SourceError::ReadFile { path: path.display().to_string(), cause };
    let file = File::open(path).map_err(cause)?;
    match ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => listed(path, archive),
        Err(damage) => {
            let mut file = BufReader::new(File::open(path).map_err(cause)?);
            let found = salvaged(path, &mut file)?;
            if found.is_empty() {
                let cause = io::Error::new(io::ErrorKind::InvalidData, damage);
                let path = path.display().to_string();
                return Err(SourceError::ReadRows { path, row: 0, cause });
            }
            Ok(found)
        }
    }
}

fn listed(
    path: &Path,
    mut archive: ZipArchive<BufReader<File>>,
) -> Result<Vec<Member>, SourceError> {
    let damage = |error: zip::result::ZipError| SourceError::ReadRows {
        path: path.display().to_string(),
        row: 0,
        cause: io::Error::new(io::ErrorKind::InvalidData, error),
    };
    let mut members = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damage)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(damage)?.into_owned();
        let deflated = match entry.compression() {
            CompressionMethod::Stored => Some(false),
            CompressionMethod::Deflated => Some(true),
            _ => None,
        };
        let (name, deflated) = readable(path, name, entry.encrypted(), deflated)?;
        members.push(Member {
            name,
            start: entry.data_start().unwrap_or_default(),
            length: entry.compressed_size(),
            deflated,
            crc32: Some(entry.crc32()),
        });
    }
    Ok(members)
}

fn readable(
    path: &Path,
    name: String,
    encrypted: bool,
    deflated: Option<bool>,
) -> Result<(String, bool), SourceError> {
    let problem = match deflated {
        Some(deflated) if !encrypted => return Ok((name, deflated)),
        Some(_) => "encrypted",
        None => "compressed by a method other than deflate",
    };
    Err(SourceError::ReadMember { path: format!("{}!{name}", path.display()), problem })
}

/// The members that the headers before them tell of. The last one never ends well: what comes
/// before the damage is read, then the damage is said.
fn salvaged(path: &Path, file: &mut BufReader<File>) -> Result<Vec<Member>, SourceError> {
    let mut members: Vec<Member> = Vec::new();
    while let Some(header) = local_header(file) {
        let deflated = match header.method {
            STORED => Some(false),
            DEFLATED => Some(true),
            _ => None,
        };
        let encrypted = header.flags & ENCRYPTED != 0;
        let (name, deflated) = readable(path, header.name, encrypted, deflated)?;
        let start = file.stream_position().unwrap_or_default();
        let known = header.flags & LENGTH_FOLLOWS == 0 && header.length != LENGTH_ELSEWHERE;
        let length = if known { u64::from(header.length) } else { u64::MAX };
        members.push(Member { name, start, length, deflated, crc32: Some(header.crc32) });
        let Some(end) = start.checked_add(length).filter(|_| known) else { break };
        if file.seek(SeekFrom::Start(end)).is_err() {
            break;
        }
    }
    if let Some(last) = members.last_mut() {
        last.crc32 = None;
    }
    Ok(members)
}

struct LocalHeader {
    name: String,
    flags: u16,
    method: u16,
    crc32: u32,
    length: u32,
}

/// Reads one header and leaves the file at the member's first byte.
fn local_header(file: &mut BufReader<File>) -> Option<LocalHeader> {
    let mut bytes = [0; LOCAL_HEADER_LENGTH];
    file.read_exact(&mut bytes).ok()?;
    if !bytes.starts_with(LOCAL_HEADER) {
        return None;
    }
    let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let mut name = vec![0; usize::from(short(26)?)];
    file.read_exact(&mut name).ok()?;
    file.seek_relative(i64::from(short(28)?)).ok()?;
    Some(LocalHeader {
        name: String::from_utf8_lossy(&name).into_owned(),
        flags: short(6)?,
        method: short(8)?,
        crc32: long(14)?,
        length: long(18)?,
    })
}
