//! What `printf` makes of a format and of arguments in the memory of a module.

/// A conversion may ask for so many characters, no more.
const MAX_WIDTH: usize = 4_096;

/// Arguments, as a compiler lays them out in memory: words of four bytes, or of eight at
/// addresses that eight divides.
struct Arguments<'a> {
    memory: &'a [u8],
    at: usize,
}

impl Arguments<'_> {
    fn word(&mut self) -> Option<u32> {
        let bytes = self.memory.get(self.at..self.at.checked_add(4)?)?;
        self.at += 4;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn double_word(&mut self) -> Option<u64> {
        self.at = self.at.checked_next_multiple_of(8)?;
        let bytes = self.memory.get(self.at..self.at.checked_add(8)?)?;
        self.at += 8;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn string(&self, at: u32) -> Option<&[u8]> {
        let rest = self.memory.get(at as usize..)?;
        rest.get(..memchr::memchr(0, rest)?)
    }
}

/// One `%` with what follows it.
#[derive(Default)]
struct Conversion {
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    longs: usize,
}

/// The text; nothing if it reads outside of the memory.
pub(super) fn format(form: &[u8], memory: &[u8], arguments: u32) -> Option<Vec<u8>> {
    let mut arguments = Arguments { memory, at: arguments as usize };
    let mut out = Vec::new();
    let mut rest = form;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut conversion = Conversion::default();
        rest = conversion.read(rest);
        let Some((&kind, after)) = rest.split_first() else { break };
        rest = after;
        conversion.write(kind, &mut arguments, &mut out)?;
    }
    Some(out)
}

impl Conversion {
    fn read<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        while let Some((&flag, after)) = rest.split_first() {
            match flag {
                b'-' => self.left = true,
                b'0' => self.zeros = true,
                b'+' | b' ' | b'#' => {}
                _ => break,
            }
            rest = after;
        }
        (self.width, rest) = number(rest);
        if let Some(after) = rest.strip_prefix(b".") {
            let (precision, after) = number(after);
            self.precision = Some(precision);
            rest = after;
        }
        while let Some((&size @ (b'l' | b'h' | b'z' | b'j' | b't'), after)) = rest.split_first() {
            self.longs += usize::from(size == b'l') + 2 * usize::from(size == b'j');
            rest = after;
        }
        rest
    }

    fn write(&self, kind: u8, arguments: &mut Arguments<'_>, out: &mut Vec<u8>) -> Option<()> {
        // A long of this target has four bytes.
        let wide = self.longs >= 2;
        let text = match kind {
            b'%' => b"%".to_vec(),
            b'c' => vec![(arguments.word()? & 0xFF) as u8],
            b's' => {
                let at = arguments.word()?;
                let text = arguments.string(at)?;
                text[..self.precision.unwrap_or(text.len()).min(text.len())].to_vec()
            }
            b'd' | b'i' if wide => arguments.double_word()?.cast_signed().to_string().into(),
            b'd' | b'i' => arguments.word()?.cast_signed().to_string().into(),
            b'u' if wide => arguments.double_word()?.to_string().into(),
            b'u' => arguments.word()?.to_string().into(),
            b'x' if wide => format!("{:x}", arguments.double_word()?).into(),
            b'x' => format!("{:x}", arguments.word()?).into(),
            b'X' => format!("{:X}", arguments.word()?).into(),
            b'p' => format!("{:#x}", arguments.word()?).into(),
            b'f' | b'g' | b'e' => format!("{:.6}", f64::from_bits(arguments.double_word()?)).into(),
            other => vec![b'%', other],
        };
        let missing = self.width.saturating_sub(text.len());
        match (self.left, self.zeros && text.first() != Some(&b'-')) {
            (true, _) => {
                out.extend_from_slice(&text);
                out.extend(std::iter::repeat_n(b' ', missing));
            }
            (false, zeros) => {
                out.extend(std::iter::repeat_n(if zeros { b'0' } else { b' ' }, missing));
                out.extend_from_slice(&text);
            }
        }
        Some(())
    }
}

fn number(bytes: &[u8]) -> (usize, &[u8]) {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let value = bytes[..digits]
        .iter()
        .fold(0usize, |n, b| n.saturating_mul(10).saturating_add(usize::from(b - b'0')).min(MAX_WIDTH));
    (value, &bytes[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_c() {
        let mut memory = vec![0; 64];
        memory[40..46].copy_from_slice(b"alice\0");
        memory[0..4].copy_from_slice(&40u32.to_le_bytes());
        memory[8..16].copy_from_slice(&(-5i64).to_le_bytes());
        memory[16..20].copy_from_slice(&7u32.to_le_bytes());
        let text = format(b"<%s> %lld [%03u] 100%%", &memory, 0).unwrap();
        assert_eq!(String::from_utf8_lossy(&text), "<alice> -5 [007] 100%");
        assert_eq!(format(b"%s", &memory, 62), None);
        assert_eq!(format(b"%", &memory, 0).unwrap(), b"");
        assert_eq!(format(b"%-7s|%.2s|", &memory, 0), None.or(format(b"%-7s|%.2s|", &memory, 0)));
    }
}
