//! Headers and small databases in memory, for tests.

use crate::rpm::header::{self, Tag};
use crate::rpm::input::ByteOrder;

pub(super) const PAGE_BYTES: usize = 512;

/// A tag's value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(&'static str),
    Texts(Vec<&'static str>),
    Int16(Vec<u16>),
    Int32(Vec<u32>),
}

/// A header with these tags, in their order.
pub(super) fn header(tags: &[(Tag, Value)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (Tag(tag), value) in tags {
        let (kind, count) = match value {
            Value::Text(_) => (6, 1),
            Value::Texts(texts) => (8, texts.len()),
            Value::Int16(numbers) => (3, numbers.len()),
            Value::Int32(numbers) => (4, numbers.len()),
        };
        for field in [*tag, kind, data.len() as u32, count as u32] {
            index.extend(field.to_be_bytes());
        }
        match value {
            Value::Text(text) => add_text(&mut data, text),
            Value::Texts(texts) => texts.iter().for_each(|text| add_text(&mut data, text)),
            Value::Int16(numbers) => data.extend(numbers.iter().flat_map(|number| number.to_be_bytes())),
            Value::Int32(numbers) => data.extend(numbers.iter().flat_map(|number| number.to_be_bytes())),
        }
    }
    let counts = [tags.len() as u32, data.len() as u32];
    counts.into_iter().flat_map(u32::to_be_bytes).chain(index).chain(data).collect()
}

fn add_text(data: &mut Vec<u8>, text: &str) {
    data.extend(text.bytes());
    data.push(0);
}

/// Some packages; the last has so many files that its header takes several pages.
pub(super) fn headers() -> Vec<Vec<u8>> {
    let package = |name, version| {
        vec![
            (header::NAME, Value::Text(name)),
            (header::VERSION, Value::Text(version)),
            (header::RELEASE, Value::Text("1.el9")),
            (header::ARCHITECTURE, Value::Text("x86_64")),
        ]
    };
    let mut large = package("large", "2.0");
    let names: Vec<&str> = std::iter::repeat_n("a-file-of-some-name", 60).collect();
    large.push((header::DIRECTORY_INDEXES, Value::Int32(vec![0; names.len()])));
    large.push((header::BASE_NAMES, Value::Texts(names)));
    large.push((header::DIRECTORY_NAMES, Value::Texts(vec!["/usr/share/large/"])));
    vec![header(&package("small", "1.0")), header(&package("other", "1.1")), header(&large)]
}

/// An ndb database.
pub(super) fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let (mut slots, mut blobs) = (Vec::new(), Vec::new());
    slots.extend(b"RpmP\0\0\0\0");
    for field in [1, 1, headers.len() as u32 + 1, 0, 0, 0] {
        slots.extend(u32::to_le_bytes(field));
    }
    for (header, package) in headers.iter().zip(1_u32..) {
        let start = blobs.len();
        blobs.extend(b"BlbS");
        for field in [package, 1, header.len() as u32] {
            blobs.extend(field.to_le_bytes());
        }
        blobs.extend(header);
        blobs.resize((blobs.len() + 12).next_multiple_of(16) - 12, 0);
        blobs.extend(0_u32.to_le_bytes());
        blobs.extend((header.len() as u32).to_le_bytes());
        blobs.extend(b"BlbE");
        slots.extend(b"Slot");
        for field in [package as usize, (4096 + start) / 16, (blobs.len() - start) / 16] {
            slots.extend((field as u32).to_le_bytes());
        }
    }
    while slots.len() < 4096 {
        slots.extend(b"Slot");
        slots.extend([0; 12]);
    }
    slots.extend(blobs);
    slots
}

/// A hash file of Berkeley DB: one bucket, each header on overflow pages of its own.
pub(super) fn berkeley_db(headers: &[Vec<u8>], order: ByteOrder) -> Vec<u8> {
    let u16 = |number: usize| match order {
        ByteOrder::Little => (number as u16).to_le_bytes(),
        ByteOrder::Big => (number as u16).to_be_bytes(),
    };
    let u32 = |number: usize| match order {
        ByteOrder::Little => (number as u32).to_le_bytes(),
        ByteOrder::Big => (number as u32).to_be_bytes(),
    };
    let mut pages = vec![vec![0; PAGE_BYTES], vec![0; PAGE_BYTES]];
    let mut items: Vec<Vec<u8>> = vec![vec![1, 0, 0, 0, 0], vec![1, 9, 0, 0, 0]];
    for (header, key) in headers.iter().zip(1_u8..) {
        items.push(vec![1, key, 0, 0, 0]);
        let [first, length] = [u32(pages.len()), u32(header.len())];
        items.push([&[3, 0, 0, 0], first.as_slice(), length.as_slice()].concat());
        let mut parts = header.chunks(PAGE_BYTES - 26).peekable();
        while let Some(part) = parts.next() {
            let mut page = vec![0; PAGE_BYTES];
            page[8..12].copy_from_slice(&u32(pages.len()));
            let next = if parts.peek().is_some() { pages.len() + 1 } else { 0 };
            page[16..20].copy_from_slice(&u32(next));
            page[22..24].copy_from_slice(&u16(part.len()));
            page[25] = 7;
            page[26..26 + part.len()].copy_from_slice(part);
            pages.push(page);
        }
    }
    let mut end = PAGE_BYTES;
    pages[1][20..22].copy_from_slice(&u16(items.len()));
    pages[1][25] = 13;
    for (index, item) in items.iter().enumerate() {
        end -= item.len();
        pages[1][end..end + item.len()].copy_from_slice(item);
        pages[1][26 + 2 * index..28 + 2 * index].copy_from_slice(&u16(end));
    }
    let last = pages.len() - 1;
    pages[0][12..16].copy_from_slice(&u32(0x0006_1561));
    pages[0][16..20].copy_from_slice(&u32(9));
    pages[0][20..24].copy_from_slice(&u32(PAGE_BYTES));
    pages[0][25] = 8;
    pages[0][32..36].copy_from_slice(&u32(last));
    pages.concat()
}

/// A SQLite database: the schema on page 1, an interior page on page 2, then a leaf for each header with its
/// overflow pages behind it.
pub(super) fn sqlite(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut pages = vec![vec![0; PAGE_BYTES], vec![0; PAGE_BYTES]];
    let mut children = Vec::new();
    for (header, key) in headers.iter().zip(1_u8..) {
        children.push(pages.len() + 1);
        let kind = varint(header.len() * 2 + 12);
        let payload = [&[kind.len() as u8 + 2, 0], kind.as_slice(), header].concat();
        let (local, rest) = payload.split_at(local_bytes(payload.len()));
        let mut cell = [varint(payload.len()).as_slice(), &[key], local].concat();
        if !rest.is_empty() {
            cell.extend((pages.len() as u32 + 2).to_be_bytes());
        }
        pages.push(leaf(0, &[cell]));
        let mut parts = rest.chunks(PAGE_BYTES - 4).peekable();
        while let Some(part) = parts.next() {
            let next = if parts.peek().is_some() { pages.len() as u32 + 2 } else { 0 };
            let mut page = [next.to_be_bytes().as_slice(), part].concat();
            page.resize(PAGE_BYTES, 0);
            pages.push(page);
        }
    }
    let (last, others) = children.split_last().unwrap();
    let cells = others.iter().map(|child| [&(*child as u32).to_be_bytes(), [1].as_slice()].concat());
    pages[1] = page(0, 5, &cells.collect::<Vec<_>>(), Some(*last as u32));
    let other = schema_row("index", "Name_idx", 9);
    pages[0] = leaf(100, &[other, schema_row("table", "Packages", 2)]);
    pages[0][..16].copy_from_slice(b"SQLite format 3\0");
    pages[0][16..18].copy_from_slice(&(PAGE_BYTES as u16).to_be_bytes());
    pages[0][56..60].copy_from_slice(&1_u32.to_be_bytes());
    pages.concat()
}

fn schema_row(kind: &str, name: &str, root: u8) -> Vec<u8> {
    let text = |text: &str| text.len() as u8 * 2 + 13;
    let head = [6, text(kind), text(name), text(name), 1, 0];
    let payload = [&head, kind.as_bytes(), name.as_bytes(), name.as_bytes(), &[root]].concat();
    [&[payload.len() as u8, 1], payload.as_slice()].concat()
}

fn local_bytes(payload: usize) -> usize {
    let (most, least) = (PAGE_BYTES - 35, (PAGE_BYTES - 12) * 32 / 255 - 23);
    let fitted = least + payload.saturating_sub(least) % (PAGE_BYTES - 4);
    if payload <= most {
        payload
    } else if fitted <= most {
        fitted
    } else {
        least
    }
}

fn leaf(head: usize, cells: &[Vec<u8>]) -> Vec<u8> {
    page(head, 13, cells, None)
}

fn page(head: usize, kind: u8, cells: &[Vec<u8>], last: Option<u32>) -> Vec<u8> {
    let mut page = vec![0; PAGE_BYTES];
    page[head] = kind;
    page[head + 3..head + 5].copy_from_slice(&(cells.len() as u16).to_be_bytes());
    let mut pointers = head + 8;
    if let Some(last) = last {
        page[pointers..pointers + 4].copy_from_slice(&last.to_be_bytes());
        pointers += 4;
    }
    let mut end = PAGE_BYTES;
    for cell in cells {
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(cell);
        page[pointers..pointers + 2].copy_from_slice(&(end as u16).to_be_bytes());
        pointers += 2;
    }
    page
}

fn varint(number: usize) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f) as u8];
    let mut rest = number >> 7;
    while rest > 0 {
        bytes.insert(0, (rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes
}
