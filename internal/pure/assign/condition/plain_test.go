package condition_test

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/slipwayhq/slipway/internal/pure/assign/condition"
)

// plain decides conditions as their description says, on decoded JSON, without thought for speed: what the compiled ones are held against.
type plain struct {
	groups map[string]any
	within []string
}

type broken struct{}

func plainly(cond any, attributes, groups map[string]any) (o condition.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(broken); !ok {
				panic(r)
			}
			o = condition.Broken
		}
	}()
	if cond == nil {
		return condition.Pass
	}
	return plain{groups: groups}.object(cond, attributes)
}

func yes(b bool) condition.Outcome {
	if b {
		return condition.Pass
	}
	return condition.Fail
}

func opposite(o condition.Outcome) condition.Outcome {
	switch o {
	case condition.Pass:
		return condition.Fail
	case condition.Fail:
		return condition.Pass
	}
	return o
}

// every and some stop at what decides them; until then a later part may still break the whole.
func every(parts []func() condition.Outcome) condition.Outcome {
	res := condition.Pass
	for _, part := range parts {
		switch part() {
		case condition.Fail:
			return condition.Fail
		case condition.Unknown:
			res = condition.Unknown
		}
	}
	return res
}

func some(parts []func() condition.Outcome) condition.Outcome {
	res := condition.Fail
	for _, part := range parts {
		switch part() {
		case condition.Pass:
			return condition.Pass
		case condition.Unknown:
			res = condition.Unknown
		}
	}
	return res
}

func sorted(m map[string]any, first ...string) []string {
	var keys []string
	for _, k := range first {
		if _, ok := m[k]; ok {
			keys = append(keys, k)
		}
	}
	var rest []string
	for k := range m {
		if !slices.Contains(first, k) {
			rest = append(rest, k)
		}
	}
	sort.Strings(rest)
	return append(keys, rest...)
}

func (p plain) object(cond, obj any) condition.Outcome {
	m, ok := cond.(map[string]any)
	if !ok {
		panic(broken{})
	}
	var parts []func() condition.Outcome
	for _, k := range sorted(m, "$and", "$or", "$nor", "$not") {
		parts = append(parts, func() condition.Outcome { return p.entry(k, m[k], obj) })
	}
	return every(parts)
}

func (p plain) entry(k string, arg, obj any) condition.Outcome {
	switch k {
	case "$and", "$or", "$nor":
		list, ok := arg.([]any)
		if !ok {
			panic(broken{})
		}
		var parts []func() condition.Outcome
		for _, c := range list {
			parts = append(parts, func() condition.Outcome { return p.object(c, obj) })
		}
		switch {
		case k == "$and":
			return every(parts)
		case len(parts) == 0:
			return yes(k == "$or")
		case k == "$or":
			return some(parts)
		}
		return opposite(some(parts))
	case "$not":
		return opposite(p.object(arg, obj))
	case "$savedGroup":
		return p.savedGroup(arg, obj)
	case "$savedGroups":
		return condition.Fail
	}
	if !sound(arg) {
		panic(broken{})
	}
	return p.value(arg, dig(obj, k), false)
}

func (p plain) savedGroup(arg, obj any) condition.Outcome {
	ref, _ := arg.(map[string]any)
	id, ok := ref["id"].(string)
	instead, override := ref["attributeKey"]
	key, isText := instead.(string)
	if !ok || override && !isText {
		return condition.Fail
	}
	g, ok := p.groups[id].(map[string]any)
	if !ok || slices.Contains(p.within, id) {
		return condition.Fail
	}
	own, hasOwn := g["attributeKey"].(string)
	switch g["type"] {
	case "list":
		values, ok := g["values"].([]any)
		if !override {
			key = own
		}
		return yes(ok && (override || hasOwn) && member(dig(obj, key), values, false))
	case "condition":
		if _, ok := g["condition"].(map[string]any); !ok {
			return condition.Fail
		}
		return plain{p.groups, append(slices.Clone(p.within), id)}.object(g["condition"], obj)
	case "remote":
		ids, _ := dig(obj, condition.RemoteGroups).([]any)
		return yes((!override || key == own) && slices.Contains(ids, any(id)))
	}
	return condition.Unknown
}

// sound tells whether what an attribute must be can be read: an operator with an argument of a kind it cannot work with breaks its whole attribute.
func sound(arg any) bool {
	m, ok := arg.(map[string]any)
	if !ok || !onlyOperators(m) {
		return true
	}
	for op, a := range m {
		_, isText := a.(string)
		list, isList := a.([]any)
		obj, isObject := a.(map[string]any)
		switch op {
		case "$inGroup", "$notInGroup", "$regex", "$regexi", "$type":
			if !isText {
				return false
			}
		case "$all", "$alli":
			if !isList || slices.ContainsFunc(list, func(x any) bool { return !sound(x) }) {
				return false
			}
		case "$not", "$size":
			if !sound(a) {
				return false
			}
		case "$elemMatch":
			if !isObject || elementOperators(obj) && !sound(obj) {
				return false
			}
		}
	}
	return true
}

func onlyOperators(m map[string]any) bool {
	for k := range m {
		if !strings.HasPrefix(k, "$") {
			return false
		}
	}
	return true
}

// elementOperators tells whether $elemMatch asks about elements, and not about their attributes.
func elementOperators(m map[string]any) bool {
	for _, k := range []string{"$or", "$nor", "$and", "$savedGroup"} {
		if _, ok := m[k]; ok {
			return false
		}
	}
	return onlyOperators(m)
}

func (p plain) value(arg, v any, fold bool) condition.Outcome {
	m, ok := arg.(map[string]any)
	if !ok || !onlyOperators(m) {
		return yes(deep(v, arg) || fold && alike(v, arg))
	}
	var parts []func() condition.Outcome
	for _, op := range sorted(m) {
		parts = append(parts, func() condition.Outcome { return p.operator(op, m[op], v) })
	}
	return every(parts)
}

func (p plain) operator(op string, arg, v any) condition.Outcome {
	list, isList := arg.([]any)
	switch op {
	case "$eq":
		return yes(scalar(v, arg))
	case "$ne":
		return yes(!scalar(v, arg))
	case "$lt", "$lte", "$gt", "$gte":
		c, ok := compared(v, arg)
		return yes(ok && holds(op[1:], c))
	case "$veq", "$vgt", "$vgte", "$vlt", "$vlte":
		a, b, ok := versions(v, arg)
		return yes(ok && holds(op[2:], strings.Compare(a, b)))
	case "$vne":
		a, b, ok := versions(v, arg)
		return yes(!ok || a != b)
	case "$in", "$ini":
		return yes(isList && member(v, list, op == "$ini"))
	case "$nin", "$nini":
		return yes(isList && !member(v, list, op == "$nini"))
	case "$inGroup", "$notInGroup":
		return p.inGroup(op, arg.(string), v)
	case "$regex", "$regexi":
		pattern := arg.(string)
		if op == "$regexi" {
			pattern = "(?i)" + pattern
		}
		re, err := regexp.Compile(pattern)
		s, ok := v.(string)
		return yes(err == nil && ok && re.MatchString(s))
	case "$exists":
		return yes((v != nil) == (arg != nil && arg != false && arg != 0.0 && arg != ""))
	case "$type":
		return yes(typeOf(v) == arg)
	}
	return p.nested(op, arg, v)
}

func (p plain) nested(op string, arg, v any) condition.Outcome {
	list, _ := arg.([]any)
	values, isList := v.([]any)
	switch op {
	case "$not":
		return opposite(p.value(arg, v, false))
	case "$size":
		if !isList {
			return condition.Fail
		}
		return p.value(arg, float64(len(values)), false)
	case "$all", "$alli":
		if !isList {
			return condition.Fail
		}
		var parts []func() condition.Outcome
		for _, want := range list {
			parts = append(parts, func() condition.Outcome {
				var elements []func() condition.Outcome
				for _, e := range values {
					elements = append(elements, func() condition.Outcome { return p.value(want, e, op == "$alli") })
				}
				return some(elements)
			})
		}
		return every(parts)
	case "$elemMatch":
		var elements []func() condition.Outcome
		for _, e := range values {
			if e == nil {
				continue
			}
			elements = append(elements, func() condition.Outcome {
				if elementOperators(arg.(map[string]any)) {
					return p.value(arg, e, false)
				}
				return p.object(arg, e)
			})
		}
		return some(elements)
	case "$and", "$or", "$nor", "$savedGroup":
		return condition.Fail
	}
	return condition.Unknown
}

func (p plain) inGroup(op, id string, v any) condition.Outcome {
	entry, there := p.groups[id]
	var values []any
	switch g := entry.(type) {
	case []any:
		values = g
	case map[string]any:
		list, ok := g["values"].([]any)
		switch {
		case g["type"] != "list" && g["type"] != "condition":
			return condition.Unknown
		case g["type"] == "condition" || !ok:
			return condition.Fail
		}
		values = list
	default:
		if there {
			return condition.Fail
		}
	}
	return yes(member(v, values, false) == (op == "$inGroup"))
}

func dig(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			v = nil
			if key == "length" {
				v = float64(len(at))
			}
			for i := range at {
				if strconv.Itoa(i) == key {
					v = at[i]
				}
			}
		default:
			return nil
		}
	}
	return v
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

func scalar(a, b any) bool {
	t := typeOf(a)
	return t == typeOf(b) && t != "array" && t != "object" && a == b
}

func deep(a, b any) bool {
	switch a := a.(type) {
	case []any:
		other, ok := b.([]any)
		return ok && slices.EqualFunc(a, other, deep)
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(a) != len(other) {
			return false
		}
		for k, v := range a {
			if o, there := other[k]; !there || !deep(v, o) {
				return false
			}
		}
		return true
	}
	return scalar(a, b)
}

func alike(a, b any) bool {
	s, ok := a.(string)
	o, also := b.(string)
	return ok && also && strings.EqualFold(s, o)
}

func member(v any, list []any, fold bool) bool {
	if many, ok := v.([]any); ok {
		return slices.ContainsFunc(many, func(one any) bool { return oneOf(one, list, fold) })
	}
	return oneOf(v, list, fold)
}

func oneOf(v any, list []any, fold bool) bool {
	return slices.ContainsFunc(list, func(one any) bool { return scalar(v, one) || fold && alike(v, one) })
}

func compared(a, b any) (int, bool) {
	if s, ok := a.(string); ok {
		o, ok := b.(string)
		return slices.Compare(utf16.Encode([]rune(s)), utf16.Encode([]rune(o))), ok
	}
	f, ok := a.(float64)
	o, also := b.(float64)
	switch {
	case f < o:
		return -1, ok && also
	case f > o:
		return 1, ok && also
	}
	return 0, ok && also
}

func holds(op string, c int) bool {
	switch op {
	case "lt":
		return c < 0
	case "lte":
		return c <= 0
	case "gt":
		return c > 0
	case "gte":
		return c >= 0
	}
	return c == 0
}

func versions(a, b any) (string, string, bool) {
	t := typeOf(a)
	if t != typeOf(b) || t != "string" && t != "number" {
		return "", "", false
	}
	return padded(a), padded(b), true
}

func padded(v any) string {
	s, ok := v.(string)
	if !ok {
		s = strconv.FormatFloat(v.(float64), 'f', -1, 64)
	}
	if s == "" {
		s = "0"
	}
	s = regexp.MustCompile(`^v|\+.*$`).ReplaceAllString(s, "")
	parts := regexp.MustCompile(`[-.]`).Split(s, -1)
	if len(parts) == 3 {
		parts = append(parts, "~")
	}
	for i, part := range parts {
		if regexp.MustCompile(`^[0-9]+$`).MatchString(part) {
			parts[i] = strings.Repeat(" ", max(0, 5-len(part))) + part
		}
	}
	return strings.Join(parts, "-")
}
