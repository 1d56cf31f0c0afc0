//! Small executables that tests make: as much of the formats as the readers look at.

/// A section to put into a file.
pub(crate) struct Section<'data> {
    pub(crate) name: &'data str,
    pub(crate) address: u64,
    pub(crate) is_writable: bool,
    pub(crate) bytes: &'data [u8],
}

impl<'data> Section<'data> {
    pub(crate) fn new(name: &'data str, bytes: &'data [u8]) -> Section<'data> {
        Section { name, address: 0x40_0000, is_writable: false, bytes }
    }
}

/// Which ELF.
#[derive(Clone, Copy)]
pub(crate) struct Elf {
    pub(crate) word: usize,
    pub(crate) is_big_endian: bool,
    pub(crate) has_section_headers: bool,
}

pub(crate) const ELF_64: Elf = Elf { word: 8, is_big_endian: false, has_section_headers: true };

impl Elf {
    pub(crate) fn number(self, value: u64, width: usize) -> Vec<u8> {
        if self.is_big_endian {
            value.to_be_bytes()[8 - width..].to_vec()
        } else {
            value.to_le_bytes()[..width].to_vec()
        }
    }

    /// Header, one loaded segment per section, the sections' bytes, their names, the section headers; padded to
    /// the size below which nothing is looked at.
    pub(crate) fn build(self, sections: &[Section<'_>]) -> Vec<u8> {
        let word = self.word;
        let (header_bytes, segment_bytes, section_bytes) =
            if word == 8 { (64, 56, 64) } else { (52, 32, 40) };
        let segments_at = header_bytes;
        let mut at = segments_at + segment_bytes * sections.len();
        let mut offsets = Vec::new();
        for section in sections {
            at = at.next_multiple_of(16);
            offsets.push(at);
            at += section.bytes.len();
        }
        let mut names = vec![0u8];
        let mut name_offsets = Vec::new();
        for name in sections.iter().map(|section| section.name).chain([".shstrtab"]) {
            name_offsets.push(names.len());
            names.extend(name.bytes().chain([0]));
        }
        let names_at = at;
        let sections_at = (names_at + names.len()).max(4096);
        let mut file = self.header(sections.len(), segments_at, sections_at);
        for (section, &offset) in sections.iter().zip(&offsets) {
            file.extend(self.segment(section, offset));
        }
        for (section, &offset) in sections.iter().zip(&offsets) {
            file.resize(offset, 0);
            file.extend(section.bytes);
        }
        file.resize(names_at, 0);
        file.extend(&names);
        file.resize(sections_at, 0);
        if !self.has_section_headers {
            return file;
        }
        file.extend(vec![0; section_bytes]);
        for (index, section) in sections.iter().enumerate() {
            let flags = 2 | u64::from(section.is_writable);
            let place = (section.address, offsets[index], section.bytes.len());
            file.extend(self.section(name_offsets[index], 1, flags, place));
        }
        file.extend(self.section(name_offsets[sections.len()], 3, 0, (0, names_at, names.len())));
        file
    }

    fn header(self, count: usize, segments_at: usize, sections_at: usize) -> Vec<u8> {
        let word = self.word;
        let mut file = b"\x7fELF".to_vec();
        file.extend([if word == 8 { 2 } else { 1 }, if self.is_big_endian { 2 } else { 1 }, 1, 0]);
        file.extend([0; 8]);
        file.extend(self.number(2, 2));
        file.extend(self.number(62, 2));
        file.extend(self.number(1, 4));
        file.extend(self.number(0x40_1000, word));
        file.extend(self.number(segments_at as u64, word));
        let (sections_at, section_count) =
            if self.has_section_headers { (sections_at, count + 2) } else { (0, 0) };
        file.extend(self.number(sections_at as u64, word));
        file.extend(self.number(0, 4));
        let names_index = section_count.saturating_sub(1);
        let (header, segment, section) = if word == 8 { (64, 56, 64) } else { (52, 32, 40) };
        for field in [header, segment, count, section, section_count, names_index] {
            file.extend(self.number(field as u64, 2));
        }
        file
    }

    fn segment(self, section: &Section<'_>, offset: usize) -> Vec<u8> {
        let word = self.word;
        let flags = 4 | if section.is_writable { 2 } else { 0 };
        let size = section.bytes.len() as u64;
        let words = [offset as u64, section.address, section.address, size, size];
        let mut record = self.number(1, 4);
        if word == 8 {
            record.extend(self.number(flags, 4));
        }
        record.extend(words.iter().flat_map(|&value| self.number(value, word)));
        if word == 4 {
            record.extend(self.number(flags, 4));
        }
        record.extend(self.number(16, word));
        record
    }

    fn section(self, name: usize, kind: u64, flags: u64, place: (u64, usize, usize)) -> Vec<u8> {
        let word = self.word;
        let (address, offset, size) = place;
        let mut record = self.number(name as u64, 4);
        record.extend(self.number(kind, 4));
        for value in [flags, address, offset as u64, size as u64] {
            record.extend(self.number(value, word));
        }
        record.extend([0; 8]);
        record.extend(self.number(16, word));
        record.extend(self.number(0, word));
        record
    }
}
