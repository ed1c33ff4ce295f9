package envoylimit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// Read reads a file of one domain, for an environment of an app. It gives the Config, or all mistakes of the file, never both.
func Read(app, env string, text []byte) (*Config, Problems) {
	b := &builder{
		reader: reader{anchors: map[string]ast.Node{}},
		config: &Config{App: app, Env: env, Headers: usualResponse, limits: map[string]*Limit{}},
		named:  map[string]bool{},
	}
	if root := b.open(text); root != nil {
		b.file(root)
	}
	if len(b.problems) > 0 {
		return nil, sorted(b.problems)
	}
	return b.config, nil
}

// builder makes a Config of what is read.
type builder struct {
	reader
	config   *Config
	named    map[string]bool
	replaced []replaced
}

// replaced is the name of a limit that another one replaces, and where the file says so.
type replaced struct {
	name, path string
	at         place
}

func (b *builder) file(root ast.Node) {
	var list ast.Node
	given := false
	at := placeOf(root)
	b.fields("", at, b.resolve("", root), "the file", []field{
		{"domain", func(path string, at place, v ast.Node) {
			given = true
			if b.text(path, at, v, &b.config.Domain) && b.config.Domain == "" {
				b.problem(at, path, "the domain is empty; write the one that Envoy's filter has")
			}
		}},
		{"descriptors", func(_ string, _ place, v ast.Node) { list = v }},
		{"response_headers", b.headers},
	})
	if !given && len(b.problems) == 0 {
		b.problem(at, "domain", "the file has no domain; write domain: and the name that Envoy's filter has")
	}
	b.config.prefix = append(appendPart(nil, b.config.Domain, true), separator...)
	if list != nil {
		if l := b.level("descriptors", list, string(b.config.prefix), 1); l != nil {
			b.config.root = *l
		}
	}
	for _, r := range b.replaced {
		if !b.named[r.name] {
			b.problem(r.at, r.path, "no limit of this file has the name %s; give one of them this name (rate_limit: {name: %s, …}), or leave the entry out", quote(r.name), r.name)
		}
	}
}

func (b *builder) headers(path string, at place, v ast.Node) {
	var text string
	if !b.text(path, at, v, &text) {
		return
	}
	if b.config.Headers = Headers(text); !slices.Contains([]Headers{NoHeaders, RateLimit, XRateLimit, EveryHeader}, b.config.Headers) {
		b.problem(at, path, "%s is not a kind of headers; write none, ratelimit, x-ratelimit or both", quote(text))
	}
}

// written is a descriptor as it is read.
type written struct {
	key, value     string
	at, sharedAt   place
	shadow, shared bool
	quota, ignored bool
	limit, below   ast.Node
	limitAt        place
	limited, keyed bool
}

// level reads a list of descriptors. group is what leads to it, as groups begin.
func (b *builder) level(path string, list ast.Node, group string, depth int) *level {
	items, ok := list.(*ast.SequenceNode)
	if !ok {
		b.problem(placeOf(list), path, "descriptors are a list (- key: …), and this is %s", describe(list))
		return nil
	}
	if depth > maxDepth {
		b.problem(placeOf(list), path, "descriptors go %d levels deep at most", maxDepth)
		return nil
	}
	l := &level{exact: map[string]*descriptor{}, wild: map[string][]pattern{}}
	lines := map[string]int{}
	for i, item := range items.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		n := b.resolve(at, item)
		where := placeOf(item)
		if n != nil {
			where = placeOf(n)
		}
		w := written{at: where}
		b.descriptor(at, n, &w)
		if !w.keyed {
			continue
		}
		pair := w.key
		if w.value != "" {
			pair += "_" + w.value
		}
		if line, twice := lines[pair]; twice {
			b.problem(w.at, at, "a descriptor of this key and value (%s) is at line %d already; make one of the two, or change its value", pair, line)
			continue
		}
		lines[pair] = w.at.line
		l.add(pair, i, b.build(at, &w, pair, group, depth))
	}
	return l
}

// add puts a descriptor into its level.
func (l *level) add(pair string, order int, d *descriptor) {
	l.exact[pair] = d
	begin, _, wild := strings.Cut(pair, "*")
	if !wild {
		return
	}
	l.wild[begin] = append(l.wild[begin], pattern{order, strings.Split(pair, "*"), d})
	if i, there := slices.BinarySearch(l.begins, len(begin)); !there {
		l.begins = slices.Insert(l.begins, i, len(begin))
	}
}

// descriptor reads one of a list.
func (b *builder) descriptor(path string, n ast.Node, w *written) {
	missing := len(b.problems)
	b.fields(path, w.at, n, "a descriptor", []field{
		{"key", func(path string, at place, v ast.Node) {
			missing = -1
			if w.keyed = b.text(path, at, v, &w.key); w.keyed && w.key == "" {
				w.keyed = false
				b.problem(at, path, "the key is empty; write the key that Envoy's action has")
			}
		}},
		{"value", func(path string, at place, v ast.Node) { b.text(path, at, v, &w.value) }},
		{"rate_limit", func(_ string, at place, v ast.Node) { w.limit, w.limitAt, w.limited = v, at, true }},
		{"descriptors", func(_ string, _ place, v ast.Node) { w.below = v }},
		{"shadow_mode", b.flag(&w.shadow)},
		{"quota_mode", b.flag(&w.quota)},
		{"share_threshold", func(path string, at place, v ast.Node) { w.sharedAt = at; b.flag(&w.shared)(path, at, v) }},
		{"detailed_metric", b.flag(&w.ignored)}, // every group is counted by its whole name
		{"value_to_metric", b.flag(&w.ignored)},
		{"metadata", func(string, place, ast.Node) {}},
	})
	if missing == len(b.problems) {
		b.problem(w.at, path, "the descriptor has no key; write key: and the key that Envoy's action has")
	}
}

// build makes a descriptor of what was read, and what is below it.
func (b *builder) build(path string, w *written, pair, group string, depth int) *descriptor {
	d := &descriptor{}
	if w.shared {
		if d.shared = pair; !strings.Contains(pair, "*") {
			b.problem(w.sharedAt, path+".share_threshold", "only values that fit a pattern share a limit, and %s has no *; write a pattern such as %s, or leave share_threshold out", quote(pair), quote(pair+"*"))
		}
	}
	named := string(appendEntry([]byte(group), min(depth-1, 1), w.key, w.value, w.value != ""))
	if w.limited {
		d.limit = b.limit(path+".rate_limit", w, named)
	}
	if w.below != nil {
		if d.next = b.level(path+".descriptors", w.below, named, depth+1); d.next != nil && len(d.next.exact) == 0 {
			d.next = nil
		}
	}
	return d
}

// text reads a text; nothing is the empty one.
func (b *builder) text(path string, at place, v ast.Node, to *string) bool {
	if v == nil {
		return true
	}
	text, ok := scalar(v)
	if !ok {
		b.problem(at, path, "this is a text, and not %s", describe(v))
		return false
	}
	*to = text
	return true
}

// flag reads a yes or no, in the words of YAML 1.1, which the peer reads.
func (b *builder) flag(to *bool) func(path string, at place, v ast.Node) {
	return func(path string, at place, v ast.Node) {
		if v == nil {
			return
		}
		text, _ := scalar(v)
		_, plain := v.(*ast.StringNode)
		quoted := plain && v.GetToken().Value != v.GetToken().Origin && strings.ContainsAny(v.GetToken().Origin, `"'`)
		switch strings.ToLower(text) {
		case "true", "yes", "on", "y":
			*to = true
		case "false", "no", "off", "n":
		default:
			quoted = true
		}
		if quoted {
			b.problem(at, path, "%s is neither true nor false; write one of them, without quotes", describe(v))
		}
	}
}

// number reads a whole number.
func (b *builder) number(to *uint32, given *bool) func(path string, at place, v ast.Node) {
	return func(path string, at place, v ast.Node) {
		*given = true
		text, _ := scalar(v)
		n, err := strconv.ParseUint(strings.ReplaceAll(text, "_", ""), 10, 32)
		if err != nil {
			b.problem(at, path, "%s is not a whole number from 0 to %d; write one such as 100", describe(v), uint32(math.MaxUint32))
		}
		*to = uint32(n)
	}
}

// share reads a part of one.
func (b *builder) share(to *float64) func(path string, at place, v ast.Node) {
	return func(path string, at place, v ast.Node) {
		text, _ := scalar(v)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n > 0 && n <= 1) {
			b.problem(at, path, "%s is not a share of the limit; write a number above 0 and up to 1, such as 0.8", describe(v))
			return
		}
		*to = n
	}
}

// unit reads a unit, in small letters or capitals.
func (b *builder) unit(path string, at place, v ast.Node, to *rate.Unit) {
	var text string
	if !b.text(path, at, v, &text) {
		return
	}
	u := rate.Unit(strings.ToLower(text))
	if !slices.Contains([]rate.Unit{rate.Second, rate.Minute, rate.Hour, rate.Day, rate.Week, rate.Month, rate.Year}, u) {
		b.problem(at, path, "%s is not a unit; write second, minute, hour, day, week, month or year", describe(v))
		return
	}
	*to = u
}
