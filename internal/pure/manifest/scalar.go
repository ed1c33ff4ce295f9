package manifest

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// slugCheck checks a name of ours: it goes into URLs, paths and host names.
func slugCheck(what string) func(string) error {
	form := regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	return func(name string) error {
		if form.MatchString(name) {
			return nil
		}
		return fmt.Errorf("%s is not %s; write 1 to 40 small letters, digits and dashes, a letter first", quote(name), what)
	}
}

func slug(what string) kind[string] { return checked(slugCheck(what)) }

// checked is text that must pass a check.
func checked(check func(string) error) kind[string] {
	return parsed(func(text string) (string, error) { return text, check(text) })
}

// plainText is any text, the empty one included.
func plainText() kind[string] { return checked(func(string) error { return nil }) }

// command is a shell command.
func command() kind[string] {
	return checked(func(text string) error {
		if strings.TrimSpace(text) == "" {
			return errors.New("the command is empty")
		}
		return nil
	})
}

// duration is a time span between two bounds.
func duration(least, most time.Duration) kind[Duration] {
	return parsed(func(text string) (Duration, error) {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return Duration{}, fmt.Errorf("%s is not a duration; write a number with a unit such as 30s or 5m", quote(text))
		case d < least || d > most:
			return Duration{}, fmt.Errorf("%s is out of range; write a duration from %s to %s", quote(text), short(least), short(most))
		}
		return Every(d), nil
	})
}

// settle is a duration, or learned.
func settle() kind[Duration] {
	span := duration(0, time.Hour)
	return kind[Duration]{read: func(c *cursor, path string, n ast.Node) (Duration, bool) {
		if text, ok := scalarText(n); ok && text == "learned" {
			return Every(Learned), true
		}
		return span.read(c, path, n)
	}}
}

// short writes a bound without its zero parts: 24h instead of 24h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}

// share is a percentage above least and at most most.
func share(least, most Share, example string) kind[Share] {
	return parsed(func(text string) (s Share, err error) {
		if s.UnmarshalText([]byte(text)) != nil {
			return 0, fmt.Errorf("%s is not a share; write a percentage such as %s", quote(text), example)
		}
		if s <= least || s > most {
			return 0, fmt.Errorf("%s is out of range; write a percentage above %s and up to %s", quote(text), least, most)
		}
		return s, nil
	})
}

// ratio is the harm to rule out.
func ratio() kind[Ratio] {
	const most = 100
	return parsed(func(text string) (r Ratio, err error) {
		if r.UnmarshalText([]byte(text)) != nil {
			return 0, fmt.Errorf("%s is not a ratio; write a factor such as 2x", quote(text))
		}
		if r <= 1 || r > most {
			return 0, fmt.Errorf("%s is out of range; write a factor above 1x and up to %s, such as 2x", quote(text), Ratio(most))
		}
		return r, nil
	})
}

// falseAlarms is a rate.
func falseAlarms() kind[Rate] {
	const most = 1000
	return parsed(func(text string) (r Rate, err error) {
		if r.UnmarshalText([]byte(text)) != nil || r.Count > most {
			return Rate{}, fmt.Errorf("%s is not a rate of false alarms; write a number and a period such as: 1 a month (day, week, month, year)", quote(text))
		}
		return r, nil
	})
}

// number is a plain decimal number in [least, most].
func number(what string, least, most float64, example string) kind[float64] {
	return parsed(func(text string) (float64, error) {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || !(value >= least && value <= most) {
			return 0, fmt.Errorf("%s is not %s; write a number from %s to %s, such as %s", quote(text), what,
				strconv.FormatFloat(least, 'f', -1, 64), strconv.FormatFloat(most, 'f', -1, 64), example)
		}
		return value, nil
	})
}

// choice is one of a few words.
func choice[T ~string](options ...T) kind[T] {
	return parsed(func(text string) (T, error) {
		words := make([]string, len(options))
		for i, option := range options {
			if words[i] = string(option); text == words[i] {
				return option, nil
			}
		}
		hint := "write " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
		if meant, ok := closest(text, words); ok {
			hint = fmt.Sprintf("did you mean %s?", meant)
		}
		return "", fmt.Errorf("%s is not known here; %s", quote(text), hint)
	})
}

// boolean is true or false, and no other word for it.
func boolean() kind[bool] {
	return kind[bool]{read: func(c *cursor, path string, n ast.Node) (bool, bool) {
		if b, ok := n.(*ast.BoolNode); ok {
			return b.Value, true
		}
		c.problem(path, "expected true or false, found %s", describe(n))
		return false, false
	}}
}

// testFormat is a choice that knows of formats which are read later.
func testFormat() kind[Format] {
	known := choice(FormatGoTest, FormatJUnit, FormatExit)
	return kind[Format]{read: func(c *cursor, path string, n ast.Node) (Format, bool) {
		if text, _ := scalarText(n); text == "tap" || text == "ctrf" {
			c.problem(path, "%s is not yet supported; use junit (most test runners can write it) or exit", quote(text))
			return "", false
		}
		return known.read(c, path, n)
	}}
}

// relativePath is a path or glob that stays inside the checkout, cleaned.
func relativePath(what, example string) kind[string] {
	return parsed(func(text string) (string, error) {
		clean := path.Clean(text)
		outside := clean == ".." || strings.HasPrefix(clean, "../") || strings.HasPrefix(clean, "/")
		inGit := clean == ".git" || strings.HasPrefix(clean, ".git/")
		if text == "" || outside || inGit || strings.Contains(text, `\`) {
			return "", fmt.Errorf("%s is not %s inside the checkout; write it relative to its root and with /, such as %s", quote(text), what, example)
		}
		return clean, nil
	})
}

// urlPath is the path of a health check.
func urlPath() kind[string] {
	return checked(func(text string) error {
		if !strings.HasPrefix(text, "/") || strings.ContainsFunc(text, notInURL) {
			return fmt.Errorf("%s is not a path of a URL; write it from its first slash, such as /healthz", quote(text))
		}
		return nil
	})
}

func notInURL(r rune) bool {
	return r == '#' || r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r)
}

// assetPrefix is the first part of a URL's path, with a slash at both ends.
func assetPrefix() kind[string] {
	return checked(func(text string) error {
		whole := len(text) > 2 && text[0] == '/' && text[len(text)-1] == '/'
		if !whole || strings.ContainsFunc(text, notInURL) || strings.ContainsAny(text, "*?") || path.Clean(text)+"/" != text {
			return fmt.Errorf("%s is not a path prefix; write it with a slash at both ends, such as /assets/", quote(text))
		}
		return nil
	})
}

// branchName is a name git accepts for a branch.
func branchName() kind[string] {
	return checked(func(text string) error {
		if short, long := strings.CutPrefix(text, "refs/heads/"); long {
			return fmt.Errorf("%s is a full reference; write the branch only: %s", quote(text), short)
		}
		bad := text == "" || text == "@" || strings.ContainsAny(text, " ~^:?*[\\") || strings.ContainsFunc(text, unicode.IsControl) ||
			strings.Contains(text, "..") || strings.Contains(text, "@{") || strings.Contains(text, "//") || strings.HasSuffix(text, ".")
		for part := range strings.SplitSeq(text, "/") {
			bad = bad || part == "" || part[0] == '.' || part[0] == '-' || strings.HasSuffix(part, ".lock")
		}
		if bad {
			return fmt.Errorf("%s is not a branch name; write one branch such as main", quote(text))
		}
		return nil
	})
}

// variableName checks the name of an environment variable.
func variableName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) {
		return fmt.Errorf("%s is not a variable name; write letters, digits and _, no digit first", quote(name))
	}
	return nil
}

// labelName checks the key of a host label.
func labelName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$`).MatchString(name) {
		return fmt.Errorf("%s is not a label; write letters, digits and . _ / -", quote(name))
	}
	return nil
}

// CheckLabel says what is wrong with a host's label, its name or its value: what no manifest could ask for.
func CheckLabel(text string) error { return labelName(text) }

func label() kind[string] { return checked(labelName) }

// eventName is the name of a user event.
func eventName() kind[string] {
	form := regexp.MustCompile(`^[A-Za-z0-9_$][A-Za-z0-9_$ .:/-]{0,99}$`)
	return checked(func(text string) error {
		if !form.MatchString(text) {
			return fmt.Errorf("%s is not an event name; write up to 100 letters, digits and _ $ . : / -", quote(text))
		}
		return nil
	})
}

// query is a query for Prometheus.
func query() kind[string] {
	return checked(func(text string) error {
		if text == "" || len(text) > 2000 {
			return errors.New("a query has between 1 and 2,000 characters; write for example: sum by (release) (orders_failed_total)")
		}
		return nil
	})
}

// vitalKind is the name of a built-in vital, or an object about an event, a counter or a query.
func vitalKind() kind[Vital] {
	event, counter, prometheus := eventVital(), counterVital(), prometheusVital()
	builtin := choice(VitalErrors, VitalLatency, VitalCPU, VitalMemory, VitalLoad)
	return kind[Vital]{
		read: func(c *cursor, path string, n ast.Node) (Vital, bool) {
			if _, isText := scalarText(n); isText {
				name, ok := builtin.read(c, path, n)
				return Vital{Name: name, Weight: 1}, ok
			}
			one := event
			switch {
			case has(n, "counter"):
				one = counter
			case has(n, "prometheus"):
				one = prometheus
			}
			v, ok := one.read(c, path, n)
			v.Name += v.Event + v.Counter // one of the three
			return v, ok
		},
		keys: func(path string) []string {
			return append(event.keysAt(path), join(path, "counter"), join(path, "prometheus"), join(path, "name"))
		},
	}
}

// has tells whether a map has a key.
func has(n ast.Node, key string) bool {
	m, ok := n.(*ast.MappingNode)
	return ok && slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool {
		text, isText := scalarText(v.Key)
		return isText && text == key
	})
}
