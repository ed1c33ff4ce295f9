package shadow

import (
	"cmp"
	"maps"
	"slices"
)

// silent is after how many seconds without a request a release is no longer live.
const silent = 600

// stretch is a time through which a release had requests.
type stretch struct {
	release    int32
	start, end int64
}

// stretches are the times through which each release was live, by their beginnings.
func (t *Traffic) stretches() []stretch {
	ticks := map[int32][]int64{}
	for key, c := range t.cells {
		if c.requests > 0 && t.releases.list[key.release] != "" {
			ticks[key.release] = append(ticks[key.release], key.tick)
		}
	}
	for _, at := range ticks {
		slices.Sort(at)
	}
	var all []stretch
	for release, at := range ticks {
		for i, second := range at {
			if i == 0 || second-at[i-1] > silent && others(ticks, release, at[i-1], second) {
				all = append(all, stretch{release, second, second})
			}
			all[len(all)-1].end = second + tick
		}
	}
	slices.SortFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(t.releases.list[a.release], t.releases.list[b.release]))
	})
	return all
}

// others tells whether another release had requests between two moments: else nobody had, and a quiet night is no deploy.
func others(ticks map[int32][]int64, release int32, from, until int64) bool {
	for other, at := range ticks {
		i, _ := slices.BinarySearch(at, from+1)
		if other != release && i < len(at) && at[i] < until {
			return true
		}
	}
	return false
}

// told are the pushes that the log itself tells of, by the release that each line names: a release goes live with its first request, and again when it has been silent. What has requests when the
// log begins was there before. Who ends while an older release goes on was taken back.
func (t *Traffic) told() []push {
	all := t.stretches()
	var found []push
	for i, s := range all {
		p := push{release: t.releases.list[s.release], start: s.start, hosts: map[string]int64{}, everywhere: s.start, back: never, baseline: s.start <= all[0].start+silent}
		older := slices.ContainsFunc(all[:i], func(o stretch) bool { return o.release == s.release })
		if n := len(found); older && n > 0 && s.start-found[n-1].start <= day {
			p.way, found[n-1].back = true, s.start
		}
		for j, o := range all {
			if j < i && o.end > s.end+silent && !slices.ContainsFunc(all[i+1:], func(n stretch) bool { return n.start <= s.end+silent }) {
				p.back = min(p.back, s.end)
			}
		}
		found = append(found, p)
	}
	return found
}

// namesReleases tells whether the log says which release answered.
func (t *Traffic) namesReleases() bool {
	return slices.ContainsFunc(t.releases.list, func(name string) bool { return name != "" && name != Other })
}

// Hosts are those that were counted, in the order of their names.
func (t *Traffic) Hosts() []string { return slices.Sorted(maps.Keys(t.hosts.number)) }
