package seen

import (
	"context"
	"sync"
)

// Claim is a call's hold on the ids that are new with it. End it with Commit or Release, once.
type Claim struct {
	x     *Index
	epoch *epoch
	keys  []Key
	// Fresh says of each key, in the order of Claim, whether it has not come before, neither earlier nor in the same call.
	Fresh []bool
	ended chan struct{}
	once  sync.Once
}

// Claim says which ids are fresh, and holds them: another call with one of them waits until this one has ended, or ctx ends.
func (x *Index) Claim(ctx context.Context, keys []Key) (*Claim, error) {
	c := &Claim{x: x, keys: keys, Fresh: make([]bool, len(keys)), ended: make(chan struct{})}
	for {
		other := c.hold()
		if other == nil {
			break
		}
		select { // holding nothing, so that no two calls wait for each other
		case <-other.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	err := x.known(x.now(), keys, c.Fresh, func(i int) {
		if c.Fresh[i] {
			c.Fresh[i] = false
			c.drop(keys[i])
		}
	})
	if err != nil {
		c.Release()
		return nil, err
	}
	return c, nil
}

// hold takes all keys, or none and gives the call that has one of them.
func (c *Claim) hold() (other *Claim) {
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	for _, k := range c.keys {
		if other := c.x.pending[k]; other != nil {
			return other
		}
	}
	for i, k := range c.keys {
		if c.x.pending[k] == nil {
			c.x.pending[k], c.Fresh[i] = c, true
		}
	}
	c.epoch = c.x.epoch
	c.epoch.calls++
	return nil
}

func (c *Claim) drop(k Key) {
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	delete(c.x.pending, k)
}

// Commit says that the log has the events of those fresh keys that taken names (all of them where it is nil). If it fails they are held still: Commit again, or Abandon.
func (c *Claim) Commit(taken func(i int) bool) error {
	var keys []Key
	for i, k := range c.keys {
		if c.Fresh[i] && (taken == nil || taken(i)) {
			keys = append(keys, k)
		}
	}
	err := c.x.Learn(c.x.now(), keys...)
	if err == nil {
		c.Release()
	}
	return err
}

// Abandon is for who ends, and does not know whether the log has the events: Settle fails from then on, so that the next start finds out. Who does not end goes on holding them until it is known. After Commit or Release it does nothing.
func (c *Claim) Abandon(why error) { c.end(why) }

// Release gives up what was held. After Commit or Abandon it does nothing.
func (c *Claim) Release() { c.end(nil) }

// end ends the claim, once. lost is why its ids may be missing.
func (c *Claim) end(lost error) {
	c.once.Do(func() {
		c.x.mu.Lock()
		defer c.x.mu.Unlock()
		if lost != nil {
			c.x.lost = lost
		}
		for i, k := range c.keys {
			if c.Fresh[i] {
				delete(c.x.pending, k)
			}
		}
		close(c.ended)
		c.epoch.leave(1, false)
	})
}
