package condition

import "slices"

// RemoteGroups is the attribute that holds the ids of the groups, kept elsewhere, that a visitor is in.
const RemoteGroups = "__gb_remoteGroupIds"

type groupKind uint8

const (
	missing        groupKind = iota // not in the payload
	bad                             // no group at all
	bareList                        // a list of values without a type, as older payloads have them
	listGroup                       // values, and the attribute that is looked up among them
	conditionGroup                  // a condition of its own
	remoteGroup                     // its members are kept elsewhere
	laterGroup                      // a type that this version does not know
)

// Group is a saved group: visitors that many rules mean.
type Group struct {
	id     string
	kind   groupKind
	list   *list    // nil where a list's values are none
	path   []string // the attribute of a list; nil where it has none
	root   node     // the condition
	named  []*Group // the groups that the condition names
	circle int      // it names itself, by whatever way: its number among those that do, from 1
	first  string   // where it is first named
}

// costOfGroup is what looking into a group takes of the budget of an evaluation.
const costOfGroup = 5

// group is $savedGroup: whether what is asked about is in the group.
func (r *Run) group(n *node, v any) Outcome {
	g := n.more.group
	switch g.kind {
	case missing, bad, bareList:
		return Fail
	case laterGroup:
		return Unknown
	case remoteGroup:
		if n.more.instead != nil && !slices.Equal(n.more.instead, g.path) {
			return Fail
		}
		return outcome(listed(step(v, RemoteGroups), g.id))
	case listGroup:
		path := g.path
		if n.more.instead != nil {
			path = n.more.instead
		}
		return outcome(g.list != nil && path != nil && g.list.any(follow(v, path), false))
	}
	if g.circle > 0 && r.seen.Has(g.circle) {
		return Fail
	}
	if r.within >= MaxGroups {
		return Broken
	}
	r.Fuel -= costOfGroup
	r.within++
	if g.circle > 0 {
		r.seen.Flip(g.circle)
	}
	o := r.node(&g.root, v)
	if g.circle > 0 {
		r.seen.Flip(g.circle)
	}
	r.within--
	return o
}

func listed(v any, id string) bool {
	n, _ := elements(v)
	for i := range n {
		if at(v, i) == id {
			return true
		}
	}
	return false
}

// inGroup is $inGroup and $notInGroup: whether the value is among those of the group. A group that is not there has no values; one that is no list lets nobody in.
func (n *node) inGroup(v any) Outcome {
	g := n.more.group
	in := false
	switch g.kind {
	case remoteGroup, laterGroup:
		return Unknown
	case bad, conditionGroup:
		return Fail
	case listGroup, bareList:
		if g.list == nil {
			return Fail
		}
		in = g.list.any(v, false)
	}
	return outcome(in == (n.op == opInGroup))
}
