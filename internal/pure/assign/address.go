package assign

import (
	"regexp"
	"strconv"
	"strings"
)

// address is a URL in its parts, as they stand there.
type address struct {
	origin, host, path, query, fragment string // the origin is what stands before the path
}

func split(url string) (a address) {
	rest := url
	if scheme, after, ok := strings.Cut(url, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		end := strings.IndexAny(after, "/?#")
		if end < 0 {
			end = len(after)
		}
		a.host, rest = after[:end], after[end:]
		a.origin = url[:len(url)-len(rest)]
		a.host = a.host[strings.LastIndexByte(a.host, '@')+1:]
	}
	rest, a.fragment, _ = strings.Cut(rest, "#")
	a.path, a.query, _ = strings.Cut(rest, "?")
	return a
}

// parameters calls each for the parameters of a query, until it says stop.
func parameters(query string, each func(name, value string) (stop bool)) {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if pair != "" && each(decoded(name), decoded(value)) {
			return
		}
	}
}

// decoded reads what a query writes with % and +.
func decoded(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s):
			b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return s
			}
			out = append(out, byte(b))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

// Queried finds the variation of an experiment that a URL's query asks for, as ?my-test=1 does.
func Queried(key, url string, variations int) (i int, ok bool) {
	if strings.IndexByte(url, '?') < 0 {
		return 0, false
	}
	found := 0
	parameters(split(url).query, func(name, value string) bool {
		if name == key {
			found++
			n, err := strconv.Atoi(value)
			i, ok = n, err == nil && n >= 0 && n < variations
		}
		return found > 1
	})
	return i, ok && found == 1
}

// target is on which pages an experiment runs, or does not.
type target struct {
	kind, pattern string
	exclude       bool
	regex         *pattern
}

// pattern is an expression for URLs; nil matches none.
type pattern = regexp.Regexp

// pattern compiles an expression, which may have its slashes escaped as between slashes.
func (l *loader) pattern(text string) *pattern {
	return l.conds.Pattern(l.Reader, strings.ReplaceAll(text, `\/`, `/`), false)
}

func (l *loader) targets() error {
	l.draft.targets = l.draft.targets[:0]
	return l.list("URL patterns", func() error {
		t := target{kind: "simple"}
		err := l.fields(`a URL pattern is an object: {"type": "simple", "pattern": "/checkout*"}`, func(key string) error {
			if l.Kind() != 'n' {
				switch key {
				case "type":
					return l.text(&t.kind)
				case "pattern":
					return l.text(&t.pattern)
				case "include":
					include := true
					err := l.boolean(&include)
					t.exclude = !include
					return err
				}
			}
			_, err := l.Skip()
			return err
		})
		switch t.kind {
		case "regex":
			t.regex = l.pattern(t.pattern)
		case "simple", "":
		default:
			l.faults.At(l.Reader, "a URL pattern is simple or regex")
		}
		l.draft.targets = append(l.draft.targets, t)
		return err
	})
}

// onPage tells whether an experiment runs on a page: not on an excluded one, and on an included one where there are such.
func (r *rare) onPage(url string) bool {
	some, in := false, false
	for i := range r.targets {
		t := &r.targets[i]
		match := t.match(url)
		if t.exclude {
			if match {
				return false
			}
			continue
		}
		some = true
		in = in || match
	}
	return in || !some
}

// onOldPage is onPage for the one expression of older experiments.
func (r *rare) onOldPage(url string) bool {
	return r.address == "" || url != "" && matches(r.pattern, url)
}

// matches tries an expression on a URL, and on what stands behind its host.
func matches(re *pattern, url string) bool {
	if re == nil {
		return false
	}
	return re.MatchString(url) || re.MatchString(url[len(split(url).origin):])
}

func (t *target) match(url string) bool {
	switch t.kind {
	case "regex":
		return matches(t.regex, url)
	case "simple", "":
		return simple(split(url), t.pattern)
	}
	return false
}

// simple compares a URL with a pattern, part by part; a part that the pattern does not have may be any.
func simple(a address, pattern string) bool {
	if head := pattern[:strings.IndexAny(pattern+"/", ":/?")]; strings.Contains(head, ".") {
		pattern = "https://" + pattern
	}
	p := split(pattern)
	if p.host == "" {
		p = split("https://*/" + strings.TrimPrefix(pattern, "/"))
	}
	if !glob(p.host, a.host) || !globPath(p.path, a.path) || p.fragment != "" && !glob(p.fragment, a.fragment) {
		return false
	}
	good := true
	parameters(p.query, func(name, want string) bool {
		value := ""
		parameters(a.query, func(n, v string) bool {
			value = v
			return n == name
		})
		good = good && glob(want, value)
		return !good
	})
	return good
}

// globPath compares paths, with or without slashes around them.
func globPath(pattern, path string) bool {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "/"), "/")
	front := strings.TrimPrefix(path, "/")
	return glob(pattern, path) || glob(pattern, front) || glob(pattern, strings.TrimSuffix(path, "/")) || glob(pattern, strings.TrimSuffix(front, "/"))
}

// glob compares a text with a pattern in which * is anything; letters of both cases are alike.
func glob(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], after
	}
}
