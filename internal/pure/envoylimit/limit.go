package envoylimit

import (
	"cmp"
	"errors"

	"github.com/goccy/go-yaml/ast"

	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// rule is a rate_limit as it is read.
type rule struct {
	name                                              string
	unit                                              rate.Unit
	replaces                                          []string
	amount, burst, every                              uint32
	near                                              float64
	unlimited, rolling                                bool
	hasUnit, hasAmount, hasBurst, hasEvery, hasNear   bool
	unitAt, amountAt, burstAt, everyAt, nearAt, found place
}

// limit reads a rate_limit, whose group is named.
func (b *builder) limit(path string, w *written, group string) *Limit {
	before := len(b.problems)
	r := rule{found: w.limitAt}
	if w.limit == nil {
		b.problem(w.limitAt, path, "rate_limit is empty; write unit and requests_per_unit, or unlimited: true, or leave it out")
		return nil
	}
	others := len(b.replaced)
	b.fields(path, w.limitAt, w.limit, "rate_limit", b.ruleFields(&r))
	b.named[r.name] = true
	for _, other := range b.replaced[others:] {
		if other.name == r.name {
			b.problem(other.at, other.path, "the limit replaces itself; leave this entry out")
		}
	}
	if len(b.problems) == before {
		b.fit(path, &r)
	}
	if len(b.problems) > before {
		return nil
	}
	out := &Limit{Group: grouped([]byte(group)), Name: r.name, Replaces: r.replaces, Quota: w.quota}
	out.Policy = sfString(cmp.Or(r.name, out.Group[len(b.config.prefix):]))
	if !r.unlimited {
		compiled, err := rate.Compile(r.limit(w.shadow), utc)
		if err != nil {
			b.refused(path, &r, err)
			return nil
		}
		out.Defined = b.config.define(out.Group, compiled, out.Group)
	}
	b.config.limits[out.Group] = out
	return out
}

func (r *rule) limit(shadow bool) rate.Limit {
	l := rate.Limit{Kind: rate.Calendar, Amount: int64(r.amount), Unit: r.unit, Shadow: shadow, Near: r.near}
	if r.rolling {
		l.Kind, l.Every, l.Burst = rate.Rolling, int64(r.every), int64(r.burst)
	}
	return l
}

// ruleFields are what a rate_limit may have.
func (b *builder) ruleFields(r *rule) []field {
	placed := func(to *place, read func(string, place, ast.Node)) func(string, place, ast.Node) {
		return func(path string, at place, v ast.Node) { *to = at; read(path, at, v) }
	}
	return []field{
		{"unit", placed(&r.unitAt, func(path string, at place, v ast.Node) {
			if r.hasUnit = v != nil; r.hasUnit {
				b.unit(path, at, v, &r.unit)
			}
		})},
		{"requests_per_unit", placed(&r.amountAt, b.number(&r.amount, &r.hasAmount))},
		{"unlimited", b.flag(&r.unlimited)},
		{"name", func(path string, at place, v ast.Node) { b.text(path, at, v, &r.name) }},
		{"replaces", func(path string, at place, v ast.Node) { b.replaces(path, at, v, &r.replaces) }},
		{"rolling", b.flag(&r.rolling)},
		{"burst", placed(&r.burstAt, b.number(&r.burst, &r.hasBurst))},
		{"unit_multiplier", placed(&r.everyAt, b.number(&r.every, &r.hasEvery))},
		{"near_limit", placed(&r.nearAt, func(path string, at place, v ast.Node) { r.hasNear = true; b.share(&r.near)(path, at, v) })},
	}
}

// fit looks at what no single value shows.
func (b *builder) fit(path string, r *rule) {
	switch {
	case r.unlimited:
		for _, w := range []struct {
			given bool
			at    place
			name  string
		}{{r.hasUnit, r.unitAt, "unit"}, {r.hasBurst, r.burstAt, "burst"}, {r.hasEvery, r.everyAt, "unit_multiplier"}} {
			if w.given {
				b.problem(w.at, path+"."+w.name, "what is unlimited has no %s; leave it out, or leave unlimited out", w.name)
			}
		}
	case !r.hasUnit:
		b.problem(r.found, path, "rate_limit has no unit; write unit: second, minute, hour, day, week, month or year (or unlimited: true)")
	case !r.hasAmount:
		b.problem(r.found, path, "rate_limit has no requests_per_unit; write how many may pass in a %s (0 lets nobody through)", r.unit)
	}
	if r.hasBurst && !r.rolling && !r.unlimited {
		b.problem(r.burstAt, path+".burst", "only rolling limits have a burst; write rolling: true beside it, or leave it out")
	}
	if r.hasEvery && !r.rolling && !r.unlimited {
		b.problem(r.everyAt, path+".unit_multiplier", "windows of the calendar are one %s long; write rolling: true beside it, or leave it out", r.unit)
	}
}

// refused tells what the arithmetic of limits has against one.
func (b *builder) refused(path string, r *rule, err error) {
	at, field, text := r.found, "", err.Error()
	var f *rate.Fault
	if errors.As(err, &f) {
		text = f.Text
		switch f.Field {
		case "burst":
			at, field = r.burstAt, ".burst"
		case "every":
			at, field = r.everyAt, ".unit_multiplier"
		case "near":
			at, field = r.nearAt, ".near_limit"
		case "amount":
			at, field = r.amountAt, ".requests_per_unit"
		}
	}
	b.problem(at, path+field, "%s", text)
}

// replaces reads the names of the limits that this one replaces.
func (b *builder) replaces(path string, at place, v ast.Node, to *[]string) {
	if v == nil {
		return
	}
	list, ok := v.(*ast.SequenceNode)
	if !ok {
		b.problem(at, path, "replaces is a list (- name: …), and this is %s", describe(v))
		return
	}
	for _, item := range list.Values {
		name, at := "", placeOf(item)
		before := len(b.problems)
		b.fields(path, at, b.resolve(path, item), "an entry of replaces", []field{
			{"name", func(path string, _ place, v ast.Node) { b.text(path, at, v, &name) }},
		})
		switch {
		case len(b.problems) > before:
		case name == "":
			b.problem(at, path, "the entry has no name; write - name: and the name of the limit that this one replaces")
		default:
			*to = append(*to, name)
			b.replaced = append(b.replaced, replaced{name, path, at})
		}
	}
}
