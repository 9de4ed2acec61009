package words

import "strconv"

// Grouped returns n with a comma before every three digits.
func Grouped[N int | int64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	sign := 0
	if n < 0 {
		sign = 1
	}
	for k := len(text) - 3; k > sign; k -= 3 {
		text = text[:k] + "," + text[k:]
	}
	return text
}

// Bytes returns a size for people, and beside it in full where that says more.
func Bytes(n int64) string {
	exact := Grouped(n) + " bytes"
	if n == 1 {
		exact = "1 byte"
	}
	if n < 1000 {
		return exact
	}
	unit, units := int64(1000), "kMGTPE"
	for len(units) > 1 && n >= unit*1000-unit/20 { // which would be rounded to 1000.0
		unit, units = unit*1000, units[1:]
	}
	whole, tenths := n/unit, (n%unit/(unit/100)+5)/10
	if tenths == 10 {
		whole, tenths = whole+1, 0
	}
	return Grouped(whole) + "." + strconv.FormatInt(tenths, 10) + " " + units[:1] + "B (" + exact + ")"
}

// Unnumbered says that n arrows of a picture stand without their number, "" for none.
func Unnumbered(n int) string {
	if n == 0 {
		return ""
	}
	return Plural(n, "arrow has", "arrows have") + " no number for lack of room; the table of connections has all."
}
