package condition

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// Pruner decides of conditions what can be decided already, when only some of the attributes are known, as on a server that prepares a payload for one visitor.
// It works on decoded JSON, numbers as json.Number.
type Pruner struct {
	known    map[string]any
	groups   map[string]any
	compiler *Compiler
}

// NewPruner returns a pruner for the given groups of a payload.
func NewPruner(known, groups map[string]any) (*Pruner, error) {
	p := &Pruner{known: known, groups: groups, compiler: NewCompiler(&span.Faults{})}
	text, err := json.Marshal(groups)
	if err != nil {
		return nil, fmt.Errorf("read the saved groups: %w", err)
	}
	if groups != nil {
		err = p.compiler.Groups(span.New(string(text)))
	}
	p.compiler.Finish()
	return p, err
}

// pruned is what is left of a condition: decided, or what is still to be asked. As it was, it is neither.
type pruned struct {
	decided, passes bool
	broken          bool // a part is no condition: nothing can be said of the whole
	rest            any  // nil: as it was
}

func sure(passes bool) pruned { return pruned{decided: true, passes: passes} }

// Prune gives true or false where the condition is decided, and otherwise the condition without what is.
func (p *Pruner) Prune(cond map[string]any) any {
	switch res := p.object(cond, nil); {
	case res.broken:
		return cond
	case res.decided:
		return res.passes
	default:
		return res.rest
	}
}

// Group gives what is left of the condition of a group; nil where it has none, or is decided, or nothing can be said of it.
func (p *Pruner) Group(id string) map[string]any {
	res := p.reference(map[string]any{"id": id}, nil)
	left, _ := res.rest.(map[string]any)
	if res.broken || res.decided {
		return nil
	}
	return left
}

func (p *Pruner) object(cond map[string]any, within []string) pruned {
	left := map[string]any{}
	broken := false
	for key, arg := range cond {
		res := p.entry(key, arg, within)
		switch {
		case res.broken:
			broken = true
		case res.decided && !res.passes:
			return sure(false) // one that fails is enough
		case res.decided:
		case res.rest == nil:
			left[key] = arg
		default:
			left[key] = res.rest
		}
	}
	switch {
	case broken:
		return pruned{broken: true}
	case len(left) == 0:
		return sure(true)
	}
	return pruned{rest: left}
}

func (p *Pruner) entry(key string, arg any, within []string) pruned {
	switch key {
	case "$and", "$or", "$nor":
		res := p.list(arg, key != "$and", within)
		res.passes = res.passes != (key == "$nor")
		return res
	case "$not":
		obj, ok := arg.(map[string]any)
		if !ok {
			return pruned{broken: true}
		}
		res := p.object(obj, within)
		res.passes = !res.passes
		return res
	case "$savedGroup":
		res := p.reference(arg, within)
		res.rest = nil // the reference stays one
		return res
	}
	return p.attribute(key, arg)
}

// list prunes the conditions of $or, or of $and.
func (p *Pruner) list(arg any, or bool, within []string) pruned {
	conds, ok := arg.([]any)
	if !ok {
		return pruned{broken: true}
	}
	left := []any{}
	for _, c := range conds {
		obj, ok := c.(map[string]any)
		if !ok {
			return pruned{broken: true}
		}
		res := p.object(obj, within)
		switch {
		case res.broken || res.decided && res.passes == or:
			return res
		case !res.decided:
			left = append(left, res.rest)
		}
	}
	if len(left) > 0 {
		return pruned{rest: left}
	}
	return sure(!or || len(conds) == 0)
}

// has tells whether an attribute is known. Below one there may be more than is known.
func (p *Pruner) has(attribute string) bool {
	_, ok := p.known[attribute]
	return ok && !strings.Contains(attribute, ".")
}

func (p *Pruner) attribute(key string, arg any) pruned {
	if !p.has(key) {
		return pruned{}
	}
	text, err := json.Marshal(arg)
	if err != nil {
		return pruned{broken: true}
	}
	n, ok, err := p.compiler.value(span.New(string(text)), false)
	if !ok || err != nil {
		return pruned{broken: true}
	}
	return settled((&Run{Fuel: Fuel}).node(&n, p.known[key]))
}

// settled is what an outcome leaves open.
func settled(o Outcome) pruned {
	switch o {
	case Broken:
		return pruned{broken: true}
	case Unknown: // the client may know the operator
		return pruned{}
	}
	return sure(o == Pass)
}

// reference prunes $savedGroup. What is left of a group's condition is given, though the reference stays as it is.
func (p *Pruner) reference(arg any, within []string) pruned {
	ref, _ := arg.(map[string]any)
	id, ok := ref["id"].(string)
	instead, other := ref["attributeKey"]
	key, isText := instead.(string)
	g := p.compiler.groups[id]
	if !ok || other && !isText || g == nil || slices.Contains(within, id) {
		return sure(false)
	}
	if !other {
		key = strings.Join(g.path, ".")
	}
	switch g.kind {
	case laterGroup:
		return pruned{}
	case remoteGroup:
		if !p.has(RemoteGroups) {
			return pruned{}
		}
	case listGroup:
		if g.list != nil && (other || g.path != nil) && !p.has(key) {
			return pruned{}
		}
	case conditionGroup:
		entry, _ := p.groups[id].(map[string]any)
		if cond, ok := entry["condition"].(map[string]any); ok {
			return p.object(cond, append(within[:len(within):len(within)], id))
		}
	}
	n := node{op: opGroup, more: &more{group: g}}
	if other {
		n.more.instead = strings.Split(key, ".")
	}
	return settled((&Run{Fuel: Fuel}).node(&n, p.known))
}
