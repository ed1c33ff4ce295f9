package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Problem is one mistake (or, among the warnings, one remark) at one place.
type Problem struct {
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Path    string `json:"path"`   // such as rollout.steps[0].share; empty for the whole file
	Message string `json:"message"`
	Source  string `json:"source"` // the line of the file, without its end
	File    string `json:"-"`      // its name; empty for the manifest
}

// String returns one line: .slipway.yaml:12:7: rollout.steps[0].share: "10" is …
func (p Problem) String() string {
	file := p.File
	if file == "" {
		file = Filename
	}
	at := fmt.Sprintf("%s:%d:%d: ", file, p.Line, p.Column)
	if p.Path != "" {
		at += p.Path + ": "
	}
	return at + p.Message
}

// Error makes a single problem an error.
func (p Problem) Error() string { return p.String() }

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
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Text returns each problem with its source line and a caret under the place:
//
//	.slipway.yaml:12:7: rollout.steps[0].share: "10" is not a share; …
//	    steps: [{share: 10, watch: 1m}]
//	                    ^
func (ps Problems) Text() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String())
		b.WriteByte('\n')
		line, caret := p.excerpt()
		if line != "" {
			fmt.Fprintf(&b, "    %s\n    %s^\n", line, caret)
		}
	}
	return b.String()
}

// excerptWidth is how many characters of a source line are shown.
const excerptWidth = 100

// excerpt returns the part of the source line around the column and the blanks
// that lead to the caret. Tabs stay tabs in both, so that they line up.
func (p Problem) excerpt() (line, blanks string) {
	chars := []rune(p.Source)
	column := max(0, min(p.Column-1, len(chars)))
	from := 0
	if column >= excerptWidth {
		from = column - excerptWidth/2
	}
	shown := chars[from:min(len(chars), from+excerptWidth)]
	if strings.TrimSpace(string(shown)) == "" {
		return "", ""
	}
	lead := make([]rune, column-from)
	for i := range lead {
		lead[i] = ' '
		if shown[i] == '\t' {
			lead[i] = '\t'
		}
	}
	return string(shown), string(lead)
}

// sourceLines splits the file for excerpts. Control characters and bytes that
// are no UTF-8 become U+FFFD: an excerpt is printed on terminals.
func sourceLines(src []byte) []string {
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	clean := strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0)) {
			return utf8.RuneError
		}
		return r
	}, text)
	return strings.Split(clean, "\n")
}
