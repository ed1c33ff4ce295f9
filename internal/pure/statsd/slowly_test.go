package statsd

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slowly reads a line in the plainest way, and gives what show says of it.
func slowly(text string) string {
	if strings.HasPrefix(text, "_e{") {
		return "dropped: event"
	}
	if strings.HasPrefix(text, "_sc|") {
		return "dropped: service_check"
	}
	fields := strings.Split(text, "|")
	head := strings.SplitN(fields[0], ":", 2)
	if len(fields) < 2 || len(head) < 2 {
		return "dropped: malformed"
	}
	l := Line{Name: []byte(head[0]), Rate: 1}
	if head[0] == "" || len(head[0]) > 200 || !utf8.ValidString(head[0]) || strings.ContainsFunc(head[0], func(r rune) bool { return r < 0x80 && unicode.IsControl(r) }) {
		return "dropped: name"
	}
	kind, ok := map[string]Kind{"c": Counter, "g": Gauge, "ms": Timer, "h": Timer, "d": Timer, "s": Set}[fields[1]]
	if !ok {
		return "dropped: kind"
	}
	l.Kind = kind
	if why := l.slowFields(fields[2:]); why != Fine {
		return "dropped: " + why.String()
	}
	return show(&l, l.slowValues(head[1]))
}

func (l *Line) slowFields(fields []string) Reason {
	for _, field := range fields {
		switch {
		case field == "":
		case field[0] == '@':
			rate, err := slowNumber(field[1:])
			if err != nil || rate < 1.0/(1<<53) || rate > 1 {
				return RateWrong
			}
			l.Rate = rate
		case field[0] == '#':
			l.Tags = Tags(field[1:])
		case field[0] == 'T':
			at, err := strconv.ParseUint(field[1:], 10, 63)
			if err != nil || len(field) > 13 {
				return TimeWrong
			}
			l.Time = int64(at)
		case strings.HasPrefix(field, "c:"):
			l.Container = []byte(field[2:])
		case !regexp.MustCompile(`^[a-z]+:`).MatchString(field):
			return Malformed
		}
	}
	return Fine
}

func (l *Line) slowValues(values string) Reason {
	if l.Kind == Set {
		if values == "" {
			return ValueWrong
		}
		l.Values = []Value{{Text: []byte(values)}}
		return Fine
	}
	for value := range strings.SplitSeq(values, ":") {
		n, err := slowNumber(value)
		switch {
		case err != nil:
			return ValueWrong
		case l.Kind == Gauge && (n > MostGauge || n < -MostGauge):
			return Huge
		case l.Kind == Gauge:
			l.Values = append(l.Values, Value{Number: n, Change: strings.ContainsAny(value[:1], "+-")})
			continue
		case l.Kind == Counter:
			n /= l.Rate
		}
		if n < 0 {
			return Negative
		}
		if n > Most {
			return Huge
		}
		l.Values = append(l.Values, Value{Number: n})
	}
	return Fine
}

func slowNumber(text string) (float64, error) {
	if len(text) > 64 || !regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`).MatchString(text) {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil
	}
	return n, err
}
