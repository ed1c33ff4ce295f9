package accesslog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Entry is one request as a log has it.
type Entry struct {
	Time int64 // Unix seconds
	// Host is the machine, process or target that answered, as the log names it; empty where it does not.
	Host string
	// Path is without its query, "" where the request was none that has one.
	Path   string
	Status int // 0 where nobody was answered
	// Duration is in seconds, negative where the log has none.
	Duration float64
	Release  string
}

// Format is a way to write an access log.
type Format string

// The formats that are known.
const (
	Combined Format = "combined" // and common, of Apache, nginx and many others
	JSON     Format = "json"
	ALB      Format = "alb" // of AWS's application load balancers
)

// MaxLine is how long a line may be.
const MaxLine = 1 << 20

const (
	// firstLines are looked at to find the format.
	firstLines = 50
	// maxExample is how much of a line is shown.
	maxExample = 200
)

// Options say what the format alone does not.
type Options struct {
	// Keys names, of JSON, the keys of time, status, path, duration, host and release where they are others than the usual ones. A name with dots is a key within a key.
	Keys map[string]string
}

// Problem is a reason why lines were left out.
type Problem struct {
	Reason  string `json:"reason"`
	Lines   int64  `json:"lines"`
	Line    int64  `json:"line"` // the first one
	Example string `json:"example"`
}

// Summary says what was read.
type Summary struct {
	Format   Format    `json:"format"`
	Lines    int64     `json:"lines"`
	Entries  int64     `json:"entries"`
	Problems []Problem `json:"problems,omitempty"` // the most frequent first
}

// Add puts another file's summary to this one.
func (s *Summary) Add(o Summary) {
	s.Format, s.Lines, s.Entries = o.Format, s.Lines+o.Lines, s.Entries+o.Entries
	for _, p := range o.Problems {
		i := slices.IndexFunc(s.Problems, func(q Problem) bool { return q.Reason == p.Reason })
		if i < 0 {
			s.Problems = append(s.Problems, p)
			continue
		}
		s.Problems[i].Lines += p.Lines
	}
	slices.SortStableFunc(s.Problems, func(a, b Problem) int { return int(min(max(b.Lines-a.Lines, -1), 1)) })
}

// Validate reports keys that mean nothing.
func (o Options) Validate() error {
	for field, key := range o.Keys {
		if !slices.Contains(fields(), field) || key == "" {
			return fmt.Errorf("key %s=%s: write FIELD=KEY, where FIELD is one of %s", field, key, strings.Join(fields(), ", "))
		}
	}
	return nil
}

// Read reads a log to its end and calls each for every request, in the order of the lines. The line is the one the entry was read from. The error is the reader's, or says that this is no access log.
func Read(r io.Reader, o Options, each func(e Entry, line string)) (Summary, error) {
	in := &lines{in: bufio.NewReaderSize(r, 1<<16)}
	var first []string
	for len(first) < firstLines {
		line, ok := in.next()
		if !ok {
			break
		}
		first = append(first, line)
	}
	if len(first) == 0 {
		return Summary{}, in.err // an empty log is one
	}
	keys := keysOf(o)
	format, parse := detect(first, keys)
	if parse == nil {
		return Summary{}, errors.Join(in.err, fmt.Errorf("this is no access log that is known (combined, common, JSON lines, ALB); it begins: %s", clip(first[0])))
	}
	s := Summary{Format: format}
	number := int64(0)
	take := func(line string) {
		number++
		if line == "" {
			return // counted where it was too long
		}
		s.Lines++
		if e, why := parse(line); why == "" {
			s.Entries++
			each(e, line)
		} else {
			s.problem(why, number, line)
		}
	}
	for _, line := range first {
		take(line)
	}
	for line, ok := in.next(); ok; line, ok = in.next() {
		take(line)
	}
	if in.long > 0 {
		s.Lines += in.long
		s.Add(Summary{Format: format, Problems: []Problem{{Reason: "a line is longer than 1 MiB", Lines: in.long, Line: in.firstLong, Example: in.example}}})
	}
	slices.SortStableFunc(s.Problems, func(a, b Problem) int { return int(min(max(b.Lines-a.Lines, -1), 1)) })
	return s, in.err
}

// parser reads one line; a reason says why it could not.
type parser func(line string) (e Entry, why string)

// detect finds the format that most of the first lines are written in.
func detect(first []string, k *keys) (Format, parser) {
	best, format, found := 0, Format(""), parser(nil)
	for _, c := range []struct {
		format Format
		parse  parser
	}{{JSON, k.json}, {ALB, alb}, {Combined, combined}} {
		n := 0
		for _, line := range first {
			if _, why := c.parse(line); why == "" {
				n++
			}
		}
		if n > best {
			best, format, found = n, c.format, c.parse
		}
	}
	return format, found
}

func (s *Summary) problem(why string, number int64, line string) {
	for i := range s.Problems {
		if s.Problems[i].Reason == why {
			s.Problems[i].Lines++
			return
		}
	}
	s.Problems = append(s.Problems, Problem{Reason: why, Lines: 1, Line: number, Example: clip(line)})
}

func clip(line string) string {
	if len(line) > maxExample {
		line = line[:maxExample] + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, line), "?")
}

// lines gives one line after the other; those that are too long as empty ones.
type lines struct {
	in        *bufio.Reader
	number    int64
	long      int64
	firstLong int64
	example   string
	err       error
}

func (l *lines) next() (string, bool) {
	var held []byte
	tooLong := false
	for {
		part, err := l.in.ReadSlice('\n')
		switch {
		case tooLong:
		case len(held)+len(part) > MaxLine:
			tooLong = true
			if l.long == 0 {
				l.example = clip(string(append(held[:min(len(held), maxExample)], part[:min(len(part), maxExample)]...)))
			}
			held = nil
		case err == nil && held == nil:
			l.number++
			return trim(part), true
		default:
			held = append(held, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			l.err = err
		}
		if err != nil && !tooLong && len(held) == 0 {
			return "", false
		}
		l.number++
		if tooLong {
			if l.long++; l.firstLong == 0 {
				l.firstLong = l.number
			}
			return "", true
		}
		return trim(held), true
	}
}

// trim makes a line a string, without what ends it.
func trim(line []byte) string {
	n := len(line)
	for n > 0 && (line[n-1] == '\n' || line[n-1] == '\r') {
		n--
	}
	return string(line[:n])
}
