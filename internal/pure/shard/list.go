package shard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxListed is the most units a list command may print.
	MaxListed = 100_000
	// MaxName is the longest name of a unit, in bytes.
	MaxName = 1000
)

// ReadList reads what a list command printed: one unit a line, without the
// blanks around it; empty lines are left out. Of units that are printed twice
// the first counts, and duplicates says how many were dropped. It is an error
// if there is no unit, if there are more than MaxListed, or if a line is no
// plain text of at most MaxName bytes; the error names the line.
func ReadList(r io.Reader) (units []string, duplicates int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), 64<<10)
	seen := make(map[string]bool)
	number := 0
	for lines.Scan() {
		number++
		name := strings.TrimSpace(lines.Text())
		switch {
		case name == "":
			continue
		case len(name) > MaxName:
			return nil, 0, fmt.Errorf("line %d of the list has %d bytes; a unit's name has at most %d", number, len(name), MaxName)
		case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
			return nil, 0, fmt.Errorf("line %d of the list is not plain text: %.60q", number, name)
		case seen[name]:
			duplicates++
			continue
		case len(units) == MaxListed:
			return nil, 0, fmt.Errorf("the list has more than %d units; let a unit hold several tests", MaxListed)
		}
		seen[name] = true
		units = append(units, name)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, 0, fmt.Errorf("line %d of the list is longer than 64 KiB; print one unit a line", number+1)
	case err != nil:
		return nil, 0, fmt.Errorf("read the list of units: %w", err)
	case len(units) == 0:
		return nil, 0, errors.New("the list is empty: the command printed no unit")
	}
	return units, duplicates, nil
}

// Mark stands in a test's command for the units of a lease.
const Mark = "{units}"

// Command returns the command of a lease for sh -c: each Mark is replaced by
// the units, each of them one word whatever it holds, with a blank between.
func Command(run string, units []string) string {
	words := make([]string, len(units))
	for i, unit := range units {
		words[i] = word(unit)
	}
	return strings.ReplaceAll(run, Mark, strings.Join(words, " "))
}

// word quotes a name for a POSIX shell, if it needs that.
func word(name string) string {
	plain := name != "" && strings.IndexFunc(name, func(r rune) bool {
		letter := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9')
		return !letter && !strings.ContainsRune("_-./:@%+,", r)
	}) < 0
	if plain {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
