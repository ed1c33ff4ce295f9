package condition

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/circle"
	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// named finds the group of an id, which the payload may define later, or never.
func (c *Compiler) named(r *span.Reader, id string) *Group {
	g := c.group(id)
	if g.first == "" && len(c.groups) <= 10*span.MaxFaults { // so many paths take little memory, however long they are
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

// Finish tells what can be told only when all has been read: groups that nobody defines, and groups that name themselves.
func (c *Compiler) Finish() {
	ids := slices.Sorted(maps.Keys(c.groups))
	var naming []*Group
	for _, id := range ids {
		g := c.groups[id]
		if g.kind == missing {
			c.faults.Add(g.first, "there is no saved group "+span.Short(id)+"; make it, or take its name out")
		}
		if len(g.named) > 0 {
			naming = append(naming, g)
		}
	}
	found := circle.Find(naming, func(g *Group) []*Group { return g.named })
	circles := 0
	for _, g := range naming {
		switch where := "savedGroups." + span.Short(g.id); {
		case found.In[g]:
			circles++
			g.circle = circles
			c.faults.Add(where, "the group names itself, directly or by way of others; whoever comes round a second time is not in it")
		case found.Depth[g] > MaxGroups:
			c.faults.Add(where, "groups may name one another 50 levels deep, no more")
		}
	}
}
