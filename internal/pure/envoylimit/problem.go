package envoylimit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake at one place.
type Problem struct {
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1
	Path    string `json:"path"`   // such as descriptors[0].rate_limit.unit; empty for the whole file
	Message string `json:"message"`
}

// Error returns one line: 12:7: descriptors[0].rate_limit.unit: "minutes" is …
func (p Problem) Error() string {
	at := fmt.Sprintf("%d:%d: ", p.Line, p.Column)
	if p.Path != "" {
		at += p.Path + ": "
	}
	return at + p.Message
}

// Problems are mistakes in the order of the file.
type Problems []Problem

// Err returns the problems as an error, nil if there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Error returns one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// maxProblems is how many mistakes of one file are told.
const maxProblems = 50

// sorted returns problems in the order of the file, cut at maxProblems with a last one that says how many were left out.
func sorted(ps Problems) Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	if rest := len(ps) - maxProblems; rest > 0 {
		last := ps[maxProblems]
		last.Path, last.Message = "", fmt.Sprintf("and %d more mistakes from here on", rest)
		ps = append(ps[:maxProblems:maxProblems], last)
	}
	return ps
}

// quote repeats a value in a message, cut if it is long.
func quote(text string) string {
	const most = 60
	if chars := []rune(text); len(chars) > most {
		text = string(chars[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
