package evaluate

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// Fault is a flag that could not be evaluated as it is, and gave its default, or one of whose rules let nobody in.
type Fault struct {
	App, Environment, Flag string
	Count                  int64  // since the server started
	Problem                string // the last one
}

// counted is of what faults are counted.
type counted struct{ app, env, flag string }

type counter struct {
	count atomic.Int64
	last  atomic.Pointer[string]
}

// count counts what was wrong in an evaluation, if anything was.
func (d *Door) count(k flag.Key, name string, r *assign.Result) {
	if r.Problem == "" {
		return
	}
	at, problem := counted{k.App, k.Environment, name}, r.Problem
	v, ok := d.faulty.Load(at)
	if !ok {
		first := &counter{}
		first.last.Store(&problem)
		v, _ = d.faulty.LoadOrStore(at, first)
	}
	c := v.(*counter) //nolint:forcetypeassert // nothing else is in there
	c.last.Store(&problem)
	c.count.Add(1)
}

// Faults are the flags of an app that could not be evaluated, by environment and name.
func (d *Door) Faults(app string) (out []Fault) {
	d.faulty.Range(func(at, v any) bool {
		of, c := at.(counted), v.(*counter) //nolint:forcetypeassert // nothing else is in there
		if of.app == app {
			out = append(out, Fault{App: app, Environment: of.env, Flag: of.flag, Count: c.count.Load(), Problem: *c.last.Load()})
		}
		return true
	})
	slices.SortFunc(out, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Flag, b.Flag))
	})
	return out
}
