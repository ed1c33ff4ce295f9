package sink

import (
	"cmp"
	"hash/maphash"
	"slices"
	"unicode/utf8"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/statsd"
)

// Bounds of one release.
const (
	// mostSeries is how many names are told apart, each by its kind and by the values of the tags that are kept.
	mostSeries = 500
	// mostMembers is how many members its sets have in a second, all together.
	mostMembers = 20_000
	// mostTag is how long the value of a tag may be, in bytes; a longer one is left out.
	mostTag = 64
)

// Why a line is dropped, beside what package statsd says. The words are for ever.
const (
	dropNames   = "names"
	dropMembers = "members"
	dropOld     = "old"
	dropHuge    = "huge"
	dropKernel  = "kernel"
)

// book adds up what one release sends.
type book struct {
	tags    []string
	series  map[string]*series
	key     []byte // of the line at hand
	seed    maphash.Seed
	members int
}

func newBook(tags []string) *book {
	return &book{tags: tags, series: map[string]*series{}, seed: maphash.MakeSeed()}
}

// add counts a line, or says why not.
func (b *book) add(line *statsd.Line) (why string) {
	b.key = append(b.key[:0], byte(line.Kind))
	b.key = append(b.key, line.Name...)
	b.key = append(b.key, 0) // no name has it
	head := len(b.key)
	b.appendTags(line.Tags)
	s := b.series[string(b.key)]
	if s == nil {
		if len(b.series) >= mostSeries {
			return dropNames
		}
		s = newSeries(string(line.Name), string(b.key[head:]), line.Kind)
		b.series[string(b.key)] = s
	}
	if line.Kind == statsd.Set {
		return b.addMember(s, line)
	}
	return s.add(line)
}

// appendTags adds those that are kept to the key, in order of their names, so that the same ones make the same key.
func (b *book) appendTags(tags statsd.Tags) {
	head := len(b.key)
	for _, kept := range b.tags {
		for name, value := range tags.All {
			if string(name) != kept || len(value) > mostTag || !utf8.Valid(value) {
				continue
			}
			if len(b.key) > head {
				b.key = append(b.key, ',')
			}
			b.key = append(append(append(b.key, kept...), ':'), value...)
			break
		}
	}
}

func (b *book) addMember(s *series, line *statsd.Line) (why string) {
	id := maphash.Bytes(b.seed, line.Values[0].Text)
	if _, had := s.members[id]; !had {
		if b.members >= mostMembers {
			return dropMembers
		}
		s.members[id] = struct{}{}
		b.members++
	}
	s.came(line)
	return ""
}

// drain gives what came since the last drain, in order, and forgets what has not come for long.
func (b *book) drain() (out []event.Metric) {
	b.members = 0
	for key, s := range b.series {
		if s.values == 0 {
			if s.idle++; s.idle > s.patience() {
				delete(b.series, key)
			}
			continue
		}
		out = append(out, s.drain())
	}
	slices.SortFunc(out, func(a, b event.Metric) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Tags, b.Tags), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
