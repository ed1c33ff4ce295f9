package accesslog

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Why a line was left out. The words are few, so that the counts of them are.
const (
	whyShape    = "a line is not of the log's format"
	whyTime     = "the time cannot be read"
	whyNoTime   = "there is no time"
	whyStatus   = "the status is none"
	whyNoStatus = "there is no status"
)

// words walks through a line of words, quoted texts and texts in brackets.
type words struct {
	line string
}

// next takes the next word; a quoted one or one in brackets is without these. ok is false at the end, and where a quote stays open.
func (w *words) next() (word string, quoted, ok bool) {
	line := strings.TrimLeft(w.line, " \t")
	if line == "" {
		return "", false, false
	}
	closing := byte(' ')
	switch line[0] {
	case '"':
		closing = '"'
	case '[':
		closing = ']'
	}
	if closing == ' ' {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		w.line = line[end:]
		return line[:end], false, true
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case closing:
			w.line = line[i+1:]
			return line[1:i], true, true
		}
	}
	return "", true, false
}

// combined reads a line of the common or combined format, with a virtual host before it or a few words behind.
func combined(line string) (e Entry, why string) {
	w := words{line: line}
	e.Duration = -1
	var before [4]string // a virtual host or none, address, identity, user
	n := 0
	var stamp string
	for {
		word, quoted, ok := w.next()
		if !ok {
			return e, whyShape
		}
		if quoted {
			stamp = word
			break
		}
		if n == len(before) {
			return e, whyShape
		}
		before[n] = word
		n++
	}
	if n < 3 {
		return e, whyShape
	}
	var ok bool
	if e.Time, ok = clf(stamp); !ok {
		return e, whyTime
	}
	request, quoted, ok := w.next()
	if !ok || !quoted {
		return e, whyShape
	}
	e.Path = pathOf(request)
	status, _, _ := w.next()
	if e.Status, ok = statusOf(status); !ok {
		return e, whyStatus
	}
	size, quoted, ok := w.next()
	if !ok || quoted || size != "-" && !digits(size) {
		return e, whyShape
	}
	if n == 4 {
		e.Host = before[0]
	}
	w.trailing(&e)
	return e, ""
}

// trailing reads what stands behind: referer and agent, and then a time or a host's name, as many have added.
func (w *words) trailing(e *Entry) {
	for texts := 0; ; {
		word, quoted, ok := w.next()
		if !ok {
			return
		}
		if quoted {
			texts++
			if url, isURL := strings.CutPrefix(word, "http://"); isURL && texts > 2 { // Traefik's server; the first two are referer and agent
				e.Host = strings.TrimSuffix(url, "/")
			}
			continue
		}
		key, value, named := strings.Cut(word, "=")
		if !named {
			value = word
		}
		value = strings.Trim(value, `"`)
		number, millis := strings.CutSuffix(value, "ms")
		seconds := secondsOf(value)
		switch {
		case named && !slices.Contains([]string{"rt", "request_time", "duration", "host", "hostname", "upstream"}, key):
		case millis && digits(number): // Traefik's duration, behind a number of another meaning
			if f, err := strconv.ParseFloat(number, 64); err == nil {
				e.Duration = f / 1000
			}
		case seconds >= 0:
			if e.Duration < 0 {
				e.Duration = seconds
			}
		case hostLike(value):
			e.Host = value
		}
	}
}

// secondsOf reads a duration: seconds with a point (nginx), or whole microseconds (Apache's %D). -1 where it is none.
func secondsOf(word string) float64 {
	if word == "" || len(word) > 20 || word[0] < '0' || word[0] > '9' {
		return -1
	}
	f, err := strconv.ParseFloat(word, 64)
	switch {
	case err != nil || f < 0 || strings.ContainsAny(word, "xXpP_"):
		return -1
	case !strings.Contains(word, "."):
		return f / 1e6
	}
	return f
}

// hostLike tells names and addresses from other words.
func hostLike(word string) bool {
	if len(word) < 2 || len(word) > 255 {
		return false
	}
	letters := false
	for i := range len(word) {
		c := word[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == ':' || c == '.':
			letters = true
		case c >= '0' && c <= '9' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return letters && secondsOf(word) < 0
}

// clf reads 10/Oct/2000:13:55:36 -0700.
func clf(s string) (int64, bool) {
	if len(s) != 26 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[17] != ':' || s[20] != ' ' || s[21] != '+' && s[21] != '-' {
		return 0, false
	}
	month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", s[3:6])
	if month < 0 || month%3 != 0 {
		return 0, false
	}
	var n [7]int // day, year, hour, minute, second, zone's hours and minutes
	for i, at := range [7][2]int{{0, 2}, {7, 11}, {12, 14}, {15, 17}, {18, 20}, {22, 24}, {24, 26}} {
		for _, c := range []byte(s[at[0]:at[1]]) {
			if c < '0' || c > '9' {
				return 0, false
			}
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	if n[0] < 1 || n[0] > 31 || n[2] > 23 || n[3] > 59 || n[4] > 60 || n[5] > 23 || n[6] > 59 {
		return 0, false
	}
	zone := int64(n[5]*3600 + n[6]*60)
	if s[21] == '-' {
		zone = -zone
	}
	return within(time.Date(n[1], time.Month(month/3+1), n[0], n[2], n[3], n[4], 0, time.UTC).Unix() - zone)
}

// The times that a log may have: from 1990 to 2200. Others are a clock that was not set, and one such line would make the log a century long.
const earliest, latest = 631152000, 7258118400

func within(second int64) (int64, bool) { return second, second >= earliest && second < latest }

func statusOf(word string) (int, bool) {
	if word == "-" || word == "000" {
		return 0, true
	}
	if len(word) != 3 || word[0] < '1' || word[0] > '9' || !digits(word) {
		return 0, false
	}
	return int(word[0]-'0')*100 + int(word[1]-'0')*10 + int(word[2]-'0'), true
}

func digits(word string) bool {
	for i := range len(word) {
		if word[i] < '0' || word[i] > '9' {
			return false
		}
	}
	return word != ""
}

// pathOf takes the path out of "GET /path?query HTTP/1.1", "GET http://host/path HTTP/1.1", or "/path?query" alone.
func pathOf(request string) string {
	target := request
	if !strings.HasPrefix(target, "/") {
		_, rest, ok := strings.Cut(request, " ")
		if ok {
			target, _, _ = strings.Cut(rest, " ")
		}
	}
	if i := strings.Index(target, "://"); i > 0 && i < 8 {
		target = target[i+3:]
		i = strings.IndexByte(target, '/')
		if i < 0 {
			return "/"
		}
		target = target[i:]
	}
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	if !strings.HasPrefix(target, "/") {
		return ""
	}
	return target
}

// alb reads a line of an application load balancer.
func alb(line string) (e Entry, why string) {
	w := words{line: line}
	var part [13]string
	for i := range part {
		word, quoted, ok := w.next()
		if !ok || quoted != (i == 12) {
			return e, whyShape
		}
		part[i] = word
	}
	t, err := time.Parse(time.RFC3339, part[1])
	if err != nil {
		return e, whyTime
	}
	var ok bool
	if e.Time, ok = within(t.Unix()); !ok {
		return e, whyTime
	}
	if e.Status, ok = statusOf(part[8]); !ok {
		return e, whyStatus
	}
	e.Path, e.Duration = pathOf(part[12]), 0
	for _, word := range part[5:8] { // until it was sent on, answered, and sent back; -1 where that did not happen
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || !(f >= -1 && f < 1e9) {
			return e, whyShape
		}
		if f < 0 || e.Duration < 0 {
			e.Duration = -1
			continue
		}
		e.Duration += f
	}
	if part[4] != "-" {
		e.Host = part[4]
	}
	return e, ""
}
