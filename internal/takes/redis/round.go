package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// compareAndWrite writes units of keys, each if all its keys are as they were read, and says which. Arguments: how many units; of how many keys each is; and for each key what it was, what it shall be
// (empty: nothing), and in how many ms it expires (empty: never; -: it is compared alone).
const compareAndWrite = `
local units = tonumber(ARGV[1])
local key, arg, done = 1, units + 2, {}
for u = 1, units do
  local first, last = key, key + tonumber(ARGV[1 + u]) - 1
  done[u] = 1
  for k = first, last do
    if (redis.call('GET', KEYS[k]) or '') ~= ARGV[arg + 3 * (k - first)] then done[u] = 0 end
  end
  for k = first, last do
    local new, ms = ARGV[arg + 1], ARGV[arg + 2]
    arg = arg + 3
    if done[u] == 1 and ms ~= '-' then
      if new == '' then redis.call('DEL', KEYS[k])
      elseif ms == '' then redis.call('SET', KEYS[k], new)
      else redis.call('SET', KEYS[k], new, 'PX', ms) end
    end
  end
  key = last + 1
end
return done`

// unit is what is written at once: keys that wishes have in common, and those wishes.
type unit struct {
	slots  []*slot
	wishes []*wish
}

// round is what is asked of Redis at a time.
type round struct {
	slots []*slot
	units []*unit
}

// newRound puts wishes that share a key into one unit.
func newRound(batch []*wish) *round {
	r := &round{}
	byKey := make(map[string]*slot, len(batch))
	for _, w := range batch {
		u := &unit{wishes: []*wish{w}}
		w.slots = w.slots[:0]
		for _, a := range w.asks {
			key := keyOf(a)
			s, known := byKey[key]
			if !known {
				s = &slot{key: key, unit: u}
				byKey[key], r.slots, u.slots = s, append(r.slots, s), append(u.slots, s)
			}
			w.slots = append(w.slots, s)
			if s.unit != u {
				u = s.unit.join(u)
			}
		}
		r.units = append(r.units, u)
	}
	return r.tidied()
}

// join adds the keys and wishes of another unit, which is empty then.
func (u *unit) join(other *unit) *unit {
	for _, s := range other.slots {
		s.unit = u
	}
	u.slots, u.wishes = append(u.slots, other.slots...), append(u.wishes, other.wishes...)
	other.slots, other.wishes = nil, nil
	return u
}

// tidied leaves each unit once.
func (r *round) tidied() *round {
	seen := make(map[*unit]bool, len(r.units))
	kept := r.units[:0]
	for _, u := range r.units {
		if len(u.wishes) > 0 && !seen[u] {
			seen[u] = true
			kept = append(kept, u)
		}
	}
	r.units = kept
	return r
}

// Run does what is asked for until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	l := &link{store: s}
	defer l.close()
	defer close(s.ended)
	for lost := 0; ; {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil
		}
		for batch := s.next(); len(batch) > 0 && ctx.Err() == nil; batch = s.next() {
			if !l.round(ctx, newRound(batch)) {
				lost = 0
				continue
			}
			lost = min(lost+1, 8) // another server wrote meanwhile: not in step with it again
			time.Sleep(time.Duration(rand.Int64N(int64(lost) * int64(100*time.Microsecond))))
		}
	}
}

// link is the way to Redis. It is made when it is needed, and made anew by the client when it breaks.
type link struct {
	store  *Store
	client rueidis.Client
	away   bool // and that was logged
}

func (l *link) close() {
	if l.client != nil {
		l.client.Close()
	}
}

// round answers the wishes of a round; true: some are to be tried again, as another server wrote first.
func (l *link) round(ctx context.Context, r *round) (lost bool) {
	ctx, cancel := context.WithTimeout(ctx, l.store.opts.Timeout)
	defer cancel()
	now, err := l.read(ctx, r.slots)
	if err != nil {
		l.failed(err, r.units)
		return false
	}
	var writes []*unit
	for _, u := range r.units {
		for _, w := range u.wishes {
			w.err = w.do(w, now)
		}
		if u.writes() {
			writes = append(writes, u)
		} else {
			u.end(nil)
		}
	}
	if len(writes) > 0 {
		if lost, err = l.write(ctx, writes, now); err != nil {
			l.failed(err, writes)
			return false
		}
	}
	if l.away {
		l.away = false
		l.store.opts.Logger.Info("the store of limits answers again")
	}
	return lost
}

func (u *unit) writes() bool {
	for _, s := range u.slots {
		if s.write {
			return true
		}
	}
	return false
}

func (u *unit) end(err error) {
	for _, w := range u.wishes {
		w.end(cmp.Or(err, w.err))
	}
}

// failed tells all who wait, and the log once.
func (l *link) failed(err error, units []*unit) {
	if !l.away && !errors.Is(err, context.Canceled) {
		l.away = true
		l.store.opts.Logger.Warn("the store of limits does not answer; who asks is told so", "redis", l.store.client.InitAddress, "error", err)
	}
	for _, u := range units {
		u.end(away(err))
	}
}

// read reads the keys, and then the time. A connection that broke while nobody asked is made anew: reading twice harms nobody.
func (l *link) read(ctx context.Context, slots []*slot) (now int64, err error) {
	if l.client == nil {
		if l.client, err = rueidis.NewClient(l.store.client); err != nil {
			return 0, fmt.Errorf("connect to Redis: %w", err)
		}
	}
	keys := make([]string, len(slots))
	for i, s := range slots {
		keys[i] = s.key
	}
	results := l.get(ctx, keys)
	if broken(results) && ctx.Err() == nil {
		results = l.get(ctx, keys)
	}
	values, err := results[0].ToArray()
	if err != nil {
		return 0, fmt.Errorf("read what was taken of Redis: %w", err)
	}
	for i := range values {
		value, err := values[i].ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return 0, fmt.Errorf("read %q of Redis: %w", keys[i], err)
		}
		slots[i].decode(value)
	}
	if l.store.opts.Now != nil {
		return l.store.opts.Now().UnixNano(), nil
	}
	parts, err := results[1].AsIntSlice() // seconds, and microseconds
	if err != nil || len(parts) != 2 {
		return 0, fmt.Errorf("read the time of Redis: %v, %w", parts, err)
	}
	return parts[0]*int64(time.Second) + parts[1]*int64(time.Microsecond), nil
}

func (l *link) get(ctx context.Context, keys []string) []rueidis.RedisResult {
	b := l.client.B()
	commands := rueidis.Commands{b.Mget().Key(keys...).Build()}
	if l.store.opts.Now == nil {
		commands = append(commands, l.client.B().Time().Build())
	}
	return l.client.DoMulti(ctx, commands...)
}

func broken(results []rueidis.RedisResult) bool {
	for _, r := range results {
		if r.NonRedisError() != nil {
			return true
		}
	}
	return false
}

// write writes what is as it was read, and puts the wishes back whose keys are not.
func (l *link) write(ctx context.Context, units []*unit, now int64) (lost bool, err error) {
	var keys, sizes, args []string
	for _, u := range units {
		sizes = append(sizes, strconv.Itoa(len(u.slots)))
		for _, s := range u.slots {
			keys = append(keys, s.key)
			if s.write {
				args = append(args, s.was, s.encode(), s.expiry(now, l.store.linger))
			} else {
				args = append(args, s.was, "", "-")
			}
		}
	}
	args = append(append([]string{strconv.Itoa(len(units))}, sizes...), args...)
	done, err := l.store.script.Exec(ctx, l.client, keys, args).AsIntSlice()
	if err != nil || len(done) != len(units) {
		return false, fmt.Errorf("write what was taken to Redis: %w", err)
	}
	var again []*wish
	for i, u := range units {
		if done[i] == 1 {
			u.end(nil)
		} else {
			again = append(again, u.wishes...)
		}
	}
	l.store.again(again)
	return len(again) > 0, nil
}
