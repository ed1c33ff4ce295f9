package vault

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	// MaxValue is the largest value, in bytes.
	MaxValue = 64 << 10
	// MaxNames is how many settings and secrets an environment has at most. With MaxValue it keeps them far below what the system takes as an environment.
	MaxNames = 500
	// MaxTotal bounds all values of an environment together, in bytes: Linux refuses a start with more than about 2 MiB of arguments and environment.
	MaxTotal = 1 << 20
)

var nameRule = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,99}$`)

// CheckName tells why a setting cannot have this name, nil when it can.
func CheckName(name string) error {
	switch {
	case name == "PORT":
		return fault.Invalid("PORT is given by Slipway: two releases run side by side, each on a port of its own").At(name)
	case strings.HasPrefix(name, "SLIPWAY_"):
		return fault.Invalid("%s cannot be set: names that begin with SLIPWAY_ are given by Slipway", name).At(name)
	case !nameRule.MatchString(name):
		return fault.Invalid("%q cannot be a setting's name: it takes A-Z, 0-9 and _, at most 100, and does not begin with a digit", name).At(name)
	}
	return nil
}

// checkValue tells why a value cannot be given to a process. It never shows the value.
func checkValue(name, value string) error {
	switch {
	case len(value) > MaxValue:
		return fault.Invalid("the value of %s has %d bytes; at most %d are kept. Put large things into the repository or an object store", name, len(value), MaxValue).At(name)
	case strings.ContainsRune(value, 0):
		return fault.Invalid("the value of %s has a NUL byte, which no process can be given", name).At(name)
	case !utf8.ValidString(value):
		return fault.Invalid("the value of %s is not UTF-8; encode it, for example as base64", name).At(name)
	}
	return nil
}
