package condition

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// named finds the group of an id, which the payload may define later, or never.
func (c *Compiler) named(r *span.Reader, id string) *Group {
	g := c.group(id)
	if g.first == "" {
		g.first = r.Path()
	}
	if c.within != nil {
		c.within.named = append(c.within.named, g)
	}
	return g
}

func (c *Compiler) group(id string) *Group {
	g := c.groups[id]
	if g == nil {
		g = &Group{id: id}
		c.groups[id] = g
	}
	return g
}

// Groups reads the saved groups of a payload: an object of groups by id.
func (c *Compiler) Groups(r *span.Reader) error {
	if r.Kind() != '{' {
		_, _, err := c.none(r, "the saved groups must be an object of groups by id")
		return err
	}
	return r.Object(func(id string) error {
		g := c.group(id)
		*g = Group{id: id, first: g.first}
		switch r.Kind() {
		case '[':
			l, err := scalars(r)
			l.finish(false)
			g.kind, g.list = bareList, l
			return err
		case '{':
			return c.typedGroup(r, g)
		}
		g.kind = bad
		_, _, err := c.none(r, `a saved group must be an object, such as {"type": "list", "attributeKey": "id", "values": []}`)
		return err
	})
}

func (c *Compiler) typedGroup(r *span.Reader, g *Group) error {
	var values, cond *span.Reader
	kind := ""
	err := r.Object(func(key string) (err error) {
		switch key {
		case "values":
			values = r.Fork()
		case "condition":
			cond = r.Fork()
		case "type", "attributeKey":
			if r.Kind() != '"' {
				c.faults.At(r, "this must be a string")
				break
			}
			s, err := r.String()
			if key == "type" {
				kind = s
			} else {
				g.path = strings.Split(s, ".")
			}
			return err
		}
		_, err = r.Skip()
		return err
	})
	if err != nil {
		return err
	}
	switch kind {
	case "list":
		g.kind = listGroup
		return c.listGroup(r, g, values)
	case "condition":
		g.kind, g.root = conditionGroup, node{op: opFail}
		if cond == nil || cond.Kind() != '{' {
			c.faults.At(r, `a group of type condition needs one: {"condition": {"country": "US"}}`)
			return nil
		}
		c.within = g
		g.root, err = c.root(cond)
		c.within = nil
		return err
	case "remote":
		g.kind = remoteGroup
		return nil
	}
	g.kind = laterGroup
	c.faults.At(r, "%q is no type of saved group; there are list, condition and remote", span.Short(kind))
	return nil
}

func (c *Compiler) listGroup(r *span.Reader, g *Group, values *span.Reader) (err error) {
	if g.path == nil {
		c.faults.At(r, "a group of type list needs the attributeKey that its values are of, such as id")
	}
	if values == nil || values.Kind() != '[' {
		c.faults.At(r, "a group of type list needs its values, a list")
		return nil
	}
	if g.list, err = scalars(values); err == nil {
		g.list.finish(false)
	}
	return err
}

// mark is how far the search for circles is with a group.
type mark struct {
	order, low int
	open       bool
	depth      int
}

// Finish tells what can be told only when all has been read: groups that nobody defines, and groups that name themselves.
func (c *Compiler) Finish() {
	search := circles{}
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.groups[id]
		if g.kind == missing {
			c.faults.Add(g.first, "there is no saved group "+span.Short(id)+"; make it, or take its name out")
		}
		if g.mark.order == 0 {
			search.visit(g)
		}
		where := "savedGroups." + span.Short(id)
		if g.circle {
			c.faults.Add(where, "the group names itself, by way of "+search.way(g)+"; whoever comes round a second time is not in it")
		} else if g.mark.depth > MaxGroups {
			c.faults.Add(where, "groups may name one another 50 levels deep, no more")
		}
	}
}

// circles finds the groups that name themselves: the strongly connected parts of what names what (Tarjan).
type circles struct {
	count int
	stack []*Group
}

func (s *circles) visit(g *Group) {
	s.count++
	g.mark = mark{order: s.count, low: s.count, open: true, depth: 1}
	s.stack = append(s.stack, g)
	for _, next := range g.named {
		switch {
		case next.mark.order == 0:
			s.visit(next)
			g.mark.low = min(g.mark.low, next.mark.low)
		case next.mark.open:
			g.mark.low = min(g.mark.low, next.mark.order)
		}
		g.mark.depth = max(g.mark.depth, next.mark.depth+1)
		g.circle = g.circle || next == g
	}
	if g.mark.low < g.mark.order {
		return
	}
	at := len(s.stack) - 1
	for s.stack[at] != g {
		at--
	}
	for _, one := range s.stack[at:] {
		one.mark.open = false
		one.circle = one.circle || at < len(s.stack)-1
	}
	s.stack = s.stack[:at]
}

// way names the groups that a circle goes through next.
func (s *circles) way(g *Group) string {
	var names []string
	for _, next := range g.named {
		if next.circle {
			names = append(names, span.Short(next.id))
		}
	}
	return strings.Join(slices.Compact(names), ", ")
}
