package statsd

import (
	"math"
	"strconv"
)

// Bounds of numbers. What is beyond cannot be meant, and could not be added up.
const (
	// Most is the most that a counter may grow by at once, and a timer may take: from 2^53 on not every whole number can be told from the next.
	Most = 1 << 53
	// MostGauge is how far a gauge may be from 0.
	MostGauge = 1 << 63
)

// longest is how many characters a number may have.
const longest = 64

// number reads a decimal number. What is beyond all numbers is infinite; NaN, Inf, hexadecimal ones and such are none.
func number(text []byte) (float64, bool) {
	if !isDecimal(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(text), 64) // a string of so few characters is not kept, and so not allocated
	if err != nil && !math.IsInf(n, 0) {
		return 0, false
	}
	return n, true
}

// isDecimal tells [+-]digits[.digits][e[+-]digits], with a digit before or behind the point.
func isDecimal(text []byte) bool {
	if len(text) > longest {
		return false
	}
	rest := afterSign(text)
	whole := digits(rest)
	rest = rest[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		fraction := digits(rest[1:])
		whole += fraction
		rest = rest[1+fraction:]
	}
	if whole == 0 {
		return false
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		rest = afterSign(rest[1:])
		n := digits(rest)
		return n > 0 && n == len(rest)
	}
	return len(rest) == 0
}

func afterSign(text []byte) []byte {
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		return text[1:]
	}
	return text
}

// digits counts those that a text begins with.
func digits(text []byte) int {
	for i, c := range text {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(text)
}

// unixTime reads a time in seconds.
func unixTime(text []byte) (int64, bool) {
	if n := digits(text); n == 0 || n != len(text) || n > 12 { // the year 33658
		return 0, false
	}
	var t int64
	for _, c := range text {
		t = 10*t + int64(c-'0')
	}
	return t, true
}
