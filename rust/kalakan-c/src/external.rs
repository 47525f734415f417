//! Finds the other files that an ONNX graph reads, without running it.
//!
//! Field numbers: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>; wire format:
//! <https://protobuf.dev/programming-guides/encoding/>.

use std::ops::Range;

/// A message of an ONNX file that may lead to the name of another file.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Sparse,
    Tensor,
    Entry,
}

impl Kind {
    /// The kind of message in a field of this one.
    fn inside(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => {
                Some(Self::Graph)
            }
            (Self::Model, 20) => Some(Self::Training),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Function, 7) | (Self::Graph, 1) => Some(Self::Node),
            (Self::Function, 11) | (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::Sparse),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => {
                Some(Self::Tensor)
            }
            (Self::Tensor, 13) => Some(Self::Entry),
            _ => None,
        }
    }
}

/// Maximum nesting depth of messages; graphs of a voice have about ten.
const DEEPEST: usize = 100;

/// Names of the files that the tensors of a graph lie in.
///
/// # Errors
/// A description of the problem, if the file is not an ONNX graph.
pub(crate) fn locations(content: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut found = Vec::new();
    collect(content, Kind::Model, 0, &mut found)?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn collect(
    content: &[u8],
    kind: Kind,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), &'static str> {
    if depth > DEEPEST {
        return Err("its graphs lie too deep inside each other");
    }
    let (mut place, mut key, mut value) = (0, &content[..0], &content[..0]);
    while let Some((field, range)) = next_field(content, &mut place)? {
        let part = &content[range];
        if let Kind::Entry = kind {
            match field {
                1 => key = part,
                2 => value = part,
                _ => {}
            }
        } else if let Some(inner) = kind.inside(field) {
            collect(part, inner, depth + 1, found)?;
        }
    }
    if key == b"location" {
        found.push(String::from_utf8_lossy(value).into_owned());
    }
    Ok(())
}

/// Number and place of the next field that has a length; numbers are skipped.
fn next_field(
    content: &[u8],
    place: &mut usize,
) -> Result<Option<(u64, Range<usize>)>, &'static str> {
    const CUT: &str = "it ends in the middle of a field";
    while *place < content.len() {
        let tag = varint(content, place)?;
        let skipped = match tag & 7 {
            0 => {
                varint(content, place)?;
                0
            }
            1 => 8,
            2 => {
                let size = usize::try_from(varint(content, place)?).map_err(|_| CUT)?;
                let end = place
                    .checked_add(size)
                    .filter(|end| *end <= content.len())
                    .ok_or(CUT)?;
                let range = *place..end;
                *place = end;
                return Ok(Some((tag >> 3, range)));
            }
            5 => 4,
            _ => return Err("it has a field of an unknown type"),
        };
        *place += skipped;
    }
    if *place > content.len() {
        return Err(CUT);
    }
    Ok(None)
}

fn varint(content: &[u8], place: &mut usize) -> Result<u64, &'static str> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *content.get(*place).ok_or("it ends in a number")?;
        *place += 1;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("it has a number of more than 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with a length.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).expect("short")];
        bytes.extend(content);
        bytes
    }

    fn tensor(location: &str) -> Vec<u8> {
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        field(13, &entry)
    }

    #[test]
    fn names_are_found_in_initializers_and_in_constants() {
        let constant = field(5, &field(5, &tensor("b.bin")));
        let graph = [field(5, &tensor("a.bin")), field(1, &constant)].concat();
        let model = [vec![0x08, 0x08], field(7, &graph)].concat();
        assert_eq!(locations(&model), Ok(vec!["a.bin".into(), "b.bin".into()]));
    }

    #[test]
    fn what_is_cut_short_is_an_error_and_never_a_panic() {
        let model = field(7, &field(5, &tensor("a.bin")));
        for end in 1..model.len() {
            assert!(locations(&model[..end]).is_err(), "{end}");
        }
        for byte in 0..=255_u8 {
            let _ = locations(&[byte; 40]);
        }
    }
}
