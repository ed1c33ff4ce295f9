package accesslog

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// field is what an entry is made of.
type field int

const (
	timeField field = iota
	statusField
	pathField
	durationField
	hostField
	releaseField
	fieldCount
)

func fields() []string { return []string{"time", "status", "path", "duration", "host", "release"} }

// usual are the keys by which nginx (as its users write them), Caddy, Traefik and others name a field, the best first.
func usual() [fieldCount][]string {
	return [fieldCount][]string{
		{"time_iso8601", "@timestamp", "StartUTC", "timestamp", "ts", "time", "msec", "time_local"},
		{"status", "DownstreamStatus", "status_code", "http.response.status_code", "response.status", "response_status"},
		{"request_uri", "RequestPath", "request.uri", "uri", "path", "url", "url.path", "request"},
		{"request_time", "Duration", "duration", "duration_ms", "request_time_ms", "latency_ms", "upstream_response_time"},
		{"upstream_addr", "ServiceAddr", "instance", "hostname", "pod", "server"},
		{"release", "app_version", "app_release"},
	}
}

// place is where a key puts its value: the field, and how good a key it is (0 is best).
type place struct {
	field field
	rank  int
}

// keys are all keys that mean something.
type keys struct {
	at map[string]place
	// inner are the beginnings of keys within keys, so that other objects are passed over.
	inner map[string]bool
}

func keysOf(o Options) *keys {
	k := &keys{at: map[string]place{}, inner: map[string]bool{}}
	for f, names := range usual() {
		if own := o.Keys[fields()[f]]; own != "" {
			names = []string{own}
		}
		for rank, name := range names {
			if p, taken := k.at[name]; !taken || p.rank > rank {
				k.at[name] = place{field(f), rank}
			}
			for i := range len(name) {
				if name[i] == '.' {
					k.inner[name[:i]] = true
				}
			}
		}
	}
	return k
}

// value is what stood at a key.
type value struct {
	key, text string
	rank      int
	number    bool
	set       bool
}

// json reads a line that is a JSON object.
func (k *keys) json(line string) (e Entry, why string) {
	e.Duration = -1
	var found [fieldCount]value
	s := scanner{text: line}
	s.space()
	if !s.is('{') || !k.object(&s, "", 0, &found) {
		return e, whyShape
	}
	if s.space(); s.at < len(s.text) {
		return e, whyShape
	}
	var ok bool
	switch t := found[timeField]; {
	case !t.set:
		return e, whyNoTime
	default:
		if e.Time, ok = t.time(); !ok {
			return e, whyTime
		}
	}
	if !found[statusField].set {
		return e, whyNoStatus
	}
	if e.Status, ok = found[statusField].status(); !ok {
		return e, whyStatus
	}
	e.Path, e.Duration = pathOf(found[pathField].text), found[durationField].seconds()
	e.Host, e.Release = found[hostField].name(), found[releaseField].name()
	return e, ""
}

// object reads an object whose brace is next.
func (k *keys) object(s *scanner, prefix string, depth int, found *[fieldCount]value) bool {
	s.at++
	if s.space(); s.is('}') {
		s.at++
		return true
	}
	for {
		s.space()
		key, ok := s.string()
		if !ok {
			return false
		}
		if s.space(); !s.is(':') {
			return false
		}
		s.at++
		s.space()
		if prefix != "" {
			key = prefix + "." + key
		}
		if s.is('{') && depth < 4 && k.inner[key] {
			ok = k.object(s, key, depth+1, found)
		} else {
			ok = k.value(s, key, found)
		}
		if !ok {
			return false
		}
		s.space()
		switch {
		case s.is(','):
			s.at++
		case s.is('}'):
			s.at++
			return true
		default:
			return false
		}
	}
}

// value takes what stands at a key, or passes over it.
func (k *keys) value(s *scanner, key string, found *[fieldCount]value) bool {
	p, wanted := k.at[key]
	if wanted && found[p.field].set && found[p.field].rank < p.rank {
		wanted = false
	}
	v := value{key: key, rank: p.rank, set: true}
	switch {
	case s.is('"'):
		text, ok := s.string()
		if !ok {
			return false
		}
		v.text = text
	case s.is('-') || s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9':
		start := s.at
		if !s.number() {
			return false
		}
		v.text, v.number = s.text[start:s.at], true
	default:
		return s.skip(0)
	}
	if wanted && v.text != "" {
		found[p.field] = v
	}
	return true
}

// time reads a moment: RFC 3339, that of the common format, or Unix time in seconds or less.
func (v value) time() (int64, bool) {
	if f, err := strconv.ParseFloat(v.text, 64); err == nil {
		if !(f >= 0 && f < 1e20) {
			return 0, false
		}
		for f > 1e11 {
			f /= 1000 // milliseconds, microseconds, nanoseconds
		}
		return within(int64(f))
	}
	if t, err := time.Parse(time.RFC3339, v.text); err == nil {
		return within(t.Unix())
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006/01/02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, v.text); err == nil {
			return within(t.Unix())
		}
	}
	return clf(v.text)
}

func (v value) status() (int, bool) {
	if v.text == "0" {
		return 0, true // Caddy, for who left before the answer
	}
	return statusOf(v.text)
}

// seconds reads a duration by the unit that its key is known for; -1 where there is none.
func (v value) seconds() float64 {
	if !v.set {
		return -1
	}
	text := strings.TrimSpace(v.text)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return -1
		}
		return d.Seconds()
	}
	unit := 1.0
	switch {
	case v.key == "Duration" || strings.HasSuffix(v.key, "_ns"):
		unit = 1e-9 // Traefik
	case strings.HasSuffix(v.key, "_us"):
		unit = 1e-6
	case strings.HasSuffix(v.key, "_ms"):
		unit = 1e-3
	}
	if !(f >= 0) || f > 1e18 {
		return -1
	}
	return f * unit
}

// name is a text, without "-" for none. Of several upstreams that were tried it is the last.
func (v value) name() string {
	text := v.text
	if i := strings.LastIndex(text, ", "); i >= 0 {
		text = text[i+2:]
	}
	if text == "-" || len(text) > 255 {
		return ""
	}
	return text
}

// scanner walks through JSON.
type scanner struct {
	text string
	at   int
}

func (s *scanner) is(c byte) bool { return s.at < len(s.text) && s.text[s.at] == c }

func (s *scanner) space() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t' || s.text[s.at] == '\r' || s.text[s.at] == '\n') {
		s.at++
	}
}

// string reads a string whose quote is next.
func (s *scanner) string() (string, bool) {
	if !s.is('"') {
		return "", false
	}
	start, escaped := s.at, false
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\':
			escaped = true
			s.at++
		case c < ' ':
			return "", false
		case c == '"':
			s.at++
			if !escaped {
				return s.text[start+1 : s.at-1], true
			}
			var text string
			if json.Unmarshal([]byte(s.text[start:s.at]), &text) != nil {
				return "", false
			}
			return text, true
		}
	}
	return "", false
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

func (s *scanner) number() bool {
	if s.is('-') {
		s.at++
	}
	if s.is('0') {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.is('.') {
		s.at++
		if !s.digits() {
			return false
		}
	}
	if s.is('e') || s.is('E') {
		s.at++
		if s.is('+') || s.is('-') {
			s.at++
		}
		return s.digits()
	}
	return true
}

// maxDepth is how deep what is passed over may be nested.
const maxDepth = 64

// skip passes over a value.
func (s *scanner) skip(depth int) bool {
	switch {
	case depth > maxDepth || s.at >= len(s.text):
		return false
	case s.is('"'):
		_, ok := s.string()
		return ok
	case s.is('{'):
		return s.list('}', depth, true)
	case s.is('['):
		return s.list(']', depth, false)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.text[s.at:], word) {
			s.at += len(word)
			return true
		}
	}
	return s.number()
}

func (s *scanner) list(end byte, depth int, keyed bool) bool {
	s.at++
	if s.space(); s.is(end) {
		s.at++
		return true
	}
	for {
		s.space()
		if keyed {
			if _, ok := s.string(); !ok {
				return false
			}
			if s.space(); !s.is(':') {
				return false
			}
			s.at++
			s.space()
		}
		if !s.skip(depth + 1) {
			return false
		}
		s.space()
		switch {
		case s.is(','):
			s.at++
		case s.is(end):
			s.at++
			return true
		default:
			return false
		}
	}
}
