use super::Letters;

/// Appends the American Soundex code of a name: its first letter and three digits.
///
/// H and W do not separate letters of one group, vowels do; short codes are filled up with zeros.
///
/// # Source
///
/// U.S. National Archives, "The Soundex Indexing System" (General Information Leaflet 55).
pub fn soundex(name: &str, out: &mut String) {
    let letters = Letters::new(name);
    let Some((&first, rest)) = letters.as_slice().split_first() else {
        return;
    };
    out.push(char::from(first));
    let mut previous = group(first);
    let mut digits = 0;
    for &letter in rest {
        if digits == 3 {
            break;
        }
        if matches!(letter, b'H' | b'W') {
            continue;
        }
        let digit = group(letter);
        if digit != b'0' && digit != previous {
            out.push(char::from(digit));
            digits += 1;
        }
        previous = digit;
    }
    out.extend(std::iter::repeat_n('0', 3 - digits));
}

fn group(letter: u8) -> u8 {
    match letter {
        b'B' | b'F' | b'P' | b'V' => b'1',
        b'C' | b'G' | b'J' | b'K' | b'Q' | b'S' | b'X' | b'Z' => b'2',
        b'D' | b'T' => b'3',
        b'L' => b'4',
        b'M' | b'N' => b'5',
        b'R' => b'6',
        _ => b'0',
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_archives_examples() {
        let code = |name: &str| {
            let mut out = String::new();
            super::soundex(name, &mut out);
            out
        };
        assert_eq!(code("Washington"), "W252");
        assert_eq!(code("Lee"), "L000");
        assert_eq!(code("Gutierrez"), "G362");
        assert_eq!(code("Pfister"), "P236");
        assert_eq!(code("Jackson"), "J250");
        assert_eq!(code("Tymczak"), "T522");
        assert_eq!(code("VanDeusen"), "V532");
        assert_eq!(code("Ashcraft"), "A261");
        assert_eq!(code("O'Brien"), code("obrien"));
        assert_eq!(code("Núñez"), "N520");
        assert_eq!(code("李"), "");
    }
}
