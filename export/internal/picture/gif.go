package picture

// animated reports whether a GIF file has more than one picture. The file has been decoded as far as the first.
func animated(file []byte) bool {
	const trailer, extension, descriptor = 0x3B, 0x21, 0x2C
	table := func(flags byte) int { // bytes of a table of colours
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(file) < 13 {
		return false
	}
	pictures := 0
	for at := 13 + table(file[10]); at < len(file); {
		switch file[at] {
		case extension:
			at += 2
		case descriptor:
			if pictures++; pictures > 1 || at+9 >= len(file) {
				return pictures > 1
			}
			at += 11 + table(file[at+9])
		default:
			return false
		}
		for at < len(file) && file[at] != 0 { // blocks, to an empty one
			at += 1 + int(file[at])
		}
		at++
	}
	return false
}
