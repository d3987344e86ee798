use super::Letters;

/// Appends the NYSIIS code of a name, at most six letters and never without its first.
///
/// # Source
///
/// R. L. Taft, "Name Search Techniques", New York State Identification and Intelligence System,
/// Special Report 1, 1970.
pub fn nysiis(name: &str, out: &mut String) {
    let letters = Letters::new(name);
    let mut name = letters.as_slice().to_vec();
    if name.is_empty() {
        return;
    }
    rewrite_start(&mut name);
    rewrite_end(&mut name);

    let mut key = vec![name[0]];
    for i in 1..name.len() {
        let next = name.get(i + 1).copied().unwrap_or(b' ');
        let after = name.get(i + 2).copied().unwrap_or(b' ');
        match (name[i], next, after) {
            (b'E', b'V', _) => name[i..i + 2].copy_from_slice(b"AF"),
            (vowel, _, _) if is_vowel(vowel) => name[i] = b'A',
            (b'Q', _, _) => name[i] = b'G',
            (b'Z', _, _) => name[i] = b'S',
            (b'M', _, _) | (b'K', b'N', _) => name[i] = b'N',
            (b'K', _, _) => name[i] = b'C',
            (b'S', b'C', b'H') => name[i..i + 3].copy_from_slice(b"SSS"),
            (b'P', b'H', _) => name[i..i + 2].copy_from_slice(b"FF"),
            (b'H', _, _) if !is_vowel(name[i - 1]) || !is_vowel(next) => name[i] = name[i - 1],
            (b'W', _, _) if is_vowel(name[i - 1]) => name[i] = name[i - 1],
            _ => {}
        }
        if name[i] != name[i - 1] {
            key.push(name[i]);
        }
    }
    if key.len() > 1 && key.ends_with(b"S") {
        key.pop();
    }
    if key.len() > 2 && key.ends_with(b"AY") {
        key.remove(key.len() - 2);
    }
    if key.len() > 1 && key.ends_with(b"A") {
        key.pop();
    }
    out.extend(key.iter().take(6).map(|&letter| char::from(letter)));
}

fn rewrite_start(name: &mut [u8]) {
    let rules: [(&[u8], &[u8]); 6] = [
        (b"MAC", b"MCC"),
        (b"KN", b"NN"),
        (b"K", b"C"),
        (b"PH", b"FF"),
        (b"PF", b"FF"),
        (b"SCH", b"SSS"),
    ];
    if let Some((start, new)) = rules.iter().find(|(start, _)| name.starts_with(start)) {
        name[..start.len()].copy_from_slice(new);
    }
}

fn rewrite_end(name: &mut Vec<u8>) {
    let new = match name.as_slice() {
        [.., b'E' | b'I', b'E'] => b'Y',
        [.., b'D' | b'R' | b'N', b'T'] | [.., b'R' | b'N', b'D'] => b'D',
        _ => return,
    };
    name.truncate(name.len() - 2);
    name.push(new);
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'A' | b'E' | b'I' | b'O' | b'U')
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_codes() {
        let code = |name: &str| {
            let mut out = String::new();
            super::nysiis(name, &mut out);
            out
        };
        assert_eq!(code("MacIntosh"), "MCANT");
        assert_eq!(code("Koehn"), "CAN");
        assert_eq!(code("Phillipson"), "FALAPS");
        assert_eq!(code("Pfeister"), "FASTAR");
        assert_eq!(code("Schoenhoeft"), "SANAFT");
        assert_eq!(code("Brown"), "BRAN");
        assert_eq!(code("O'Daniel"), "ODANAL");
        assert_eq!(code(""), "");
    }
}
