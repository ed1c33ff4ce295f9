package statsd

import (
	"bytes"
	"unicode/utf8"
)

// Kind is what a line measures.
type Kind uint8

// The kinds.
const (
	Counter Kind = iota
	Gauge
	Timer
	Set
)

// String is the kind in a word.
func (k Kind) String() string {
	return [...]string{Counter: "counter", Gauge: "gauge", Timer: "timer", Set: "set"}[k]
}

// MostName is how long a name may be, in bytes.
const MostName = 200

// Line is what one line says. What it points to is the text it was read from. One Line may read many lines, one after the other.
type Line struct {
	Name   []byte
	Kind   Kind
	Values []Value
	// Rate is the share of what happened that was sent: at most 1, and not so little that 1/Rate is beyond Most.
	Rate float64
	Tags Tags
	// Container is DogStatsD's word for where the sender runs.
	Container []byte
	// Time is Unix time in seconds where the sender said it; else 0.
	Time int64
}

// Value is one of a line's values.
type Value struct {
	// Number is what a counter, a gauge or a timer says. A counter's is scaled up by the rate.
	Number float64
	// Change says that a gauge's Number is how much more it is than before.
	Change bool
	// Text is what a set says.
	Text []byte
}

// Tags are what is behind the #, as they came: NAME, or NAME:VALUE, by commas.
type Tags []byte

// All gives the tags one by one. One without a value has an empty one.
func (t Tags) All(yield func(name, value []byte) bool) {
	for len(t) > 0 {
		tag, rest, _ := bytes.Cut(t, []byte{','})
		name, value, _ := bytes.Cut(tag, []byte{':'})
		if len(name) > 0 && !yield(name, value) {
			return
		}
		t = rest
	}
}

// Cut gives the first line of a packet that is not empty, and what is behind it.
func Cut(packet []byte) (line, rest []byte) {
	for len(line) == 0 && len(packet) > 0 {
		line, packet, _ = bytes.Cut(packet, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	return line, packet
}

// Read reads a line, without its end. Only when the answer is Fine does l say anything.
func (l *Line) Read(text []byte) Reason {
	if reason := foreign(text); reason != Fine {
		return reason
	}
	head, fields, ok := bytes.Cut(text, []byte{'|'})
	name, values, found := bytes.Cut(head, []byte{':'})
	if !ok || !found {
		return Malformed
	}
	kind, fields, _ := bytes.Cut(fields, []byte{'|'})
	*l = Line{Name: name, Rate: 1, Values: l.Values[:0]}
	if !isName(name) {
		return Name
	}
	if l.Kind, ok = kindOf(kind); !ok {
		return KindUnknown
	}
	if reason := l.readFields(fields); reason != Fine {
		return reason
	}
	return l.readValues(values)
}

// foreign tells the lines of DogStatsD that are no metrics.
func foreign(text []byte) Reason {
	switch {
	case bytes.HasPrefix(text, []byte("_e{")):
		return Event
	case bytes.HasPrefix(text, []byte("_sc|")):
		return ServiceCheck
	}
	return Fine
}

func kindOf(word []byte) (Kind, bool) {
	switch string(word) {
	case "c":
		return Counter, true
	case "g":
		return Gauge, true
	case "ms", "h", "d":
		return Timer, true
	case "s":
		return Set, true
	}
	return 0, false
}

// isName takes any text that can be shown.
func isName(name []byte) bool {
	if len(name) == 0 || len(name) > MostName || !utf8.Valid(name) {
		return false
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// readFields reads what is behind the kind.
func (l *Line) readFields(fields []byte) Reason {
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte{'|'})
		if len(field) == 0 {
			continue
		}
		var ok bool
		switch mark, rest := field[0], field[1:]; {
		case mark == '@':
			if l.Rate, ok = number(rest); !ok || l.Rate < 1.0/Most || l.Rate > 1 {
				return RateWrong
			}
		case mark == '#':
			l.Tags = rest
		case mark == 'T':
			if l.Time, ok = unixTime(rest); !ok {
				return TimeWrong
			}
		case bytes.HasPrefix(field, []byte("c:")):
			l.Container = field[2:]
		case !isField(field):
			return Malformed
		}
	}
	return Fine
}

// isField tells what looks like a field of DogStatsD: small letters and a colon.
func isField(field []byte) bool {
	for i, c := range field {
		if c == ':' {
			return i > 0
		}
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return false
}

// readValues reads what is between the name and the kind.
func (l *Line) readValues(values []byte) Reason {
	if l.Kind == Set {
		if len(values) == 0 {
			return ValueWrong
		}
		l.Values = append(l.Values, Value{Text: values})
		return Fine
	}
	for more := true; more; {
		var text []byte
		text, values, more = bytes.Cut(values, []byte{':'})
		v, reason := l.readValue(text)
		if reason != Fine {
			return reason
		}
		l.Values = append(l.Values, v)
	}
	return Fine
}

func (l *Line) readValue(text []byte) (Value, Reason) {
	n, ok := number(text)
	if !ok {
		return Value{}, ValueWrong
	}
	v := Value{Number: n}
	switch l.Kind {
	case Gauge:
		v.Change = text[0] == '+' || text[0] == '-'
		if n > MostGauge || n < -MostGauge {
			return v, Huge
		}
		return v, Fine
	case Counter:
		v.Number /= l.Rate
	}
	if v.Number < 0 {
		return v, Negative
	}
	if v.Number > Most {
		return v, Huge
	}
	return v, Fine
}
