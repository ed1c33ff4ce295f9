package assign

import (
	"math"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/pure/assign/span"
)

// members are what an object of a rule may have: beside what is read, what GrowthBook's own rules say for people and reports.
func members(of string) []string {
	return map[string][]string{
		"rule": {
			"id", "condition", "parentConditions", "filters", "force", "coverage", "range", "variations", "weights", "ranges", "key", "meta", "namespace", "hashAttribute", "hashVersion", "seed",
			"fallbackAttribute", "bucketVersion", "minBucketVersion", "disableStickyBucketing", "contextualBanditRef", "contextualVariations", "name", "phase", "tracks", "description",
		},
		"prerequisite": {"id", "condition", "gate"},
		"filter":       {"seed", "ranges", "attribute", "hashVersion"},
		"meta":         {"key", "name", "passthrough"},
		"saved group":  {"id", "attributeKey"},
	}[of]
}

// saving looks at rules that somebody is about to save.
type saving struct {
	*span.Reader
	faults *span.Faults
	ids    map[string]int
}

// CheckRules says what is wrong with rules that somebody saves, beyond what Compile says of every payload: a member that is none, which clients would pass over and so give the value to everybody,
// and what nobody can have meant. Text that is no JSON, or has another form, is left to Compile.
func CheckRules(rules string) *Faults {
	s := &saving{Reader: span.New(rules, "rules"), faults: &Faults{}, ids: map[string]int{}}
	if s.Kind() == '[' {
		_ = s.Array(s.rule) // what is no JSON is told by Compile
	}
	return s.faults
}

// rule looks at one of the rules.
func (s *saving) rule(i int) error {
	return s.object("rule", func(key string) error {
		switch key {
		case "id":
			return s.id(i)
		case "condition":
			return s.condition()
		case "hashVersion":
			return s.version()
		case "parentConditions":
			return s.list("prerequisite")
		case "filters":
			return s.list("filter")
		case "meta":
			return s.list("meta")
		}
		return s.skip()
	})
}

func (s *saving) skip() error {
	_, err := s.Skip()
	return err
}

// object reads an object of a kind, and says which members it cannot have.
func (s *saving) object(kind string, one func(key string) error) error {
	if s.Kind() != '{' {
		return s.skip()
	}
	return s.Object(func(key string) error {
		if !slices.Contains(members(kind), key) {
			hint := ""
			if meant := closest(key, members(kind)); meant != "" {
				hint = "; did you mean " + meant + "?"
			}
			s.faults.At(s.Reader, "a %s has no %s%s", kind, span.Short(key), hint)
			return s.skip()
		}
		return one(key)
	})
}

func (s *saving) list(kind string) error {
	if s.Kind() != '[' {
		return s.skip()
	}
	return s.Array(func(int) error {
		return s.object(kind, func(key string) error {
			switch {
			case kind == "filter" && key == "hashVersion":
				return s.version()
			case kind == "prerequisite" && key == "condition":
				return s.condition()
			}
			return s.skip()
		})
	})
}

// id keeps one id from naming two rules: results and reports could not tell them apart.
func (s *saving) id(i int) error {
	if s.Kind() != '"' {
		return s.skip()
	}
	id, err := s.String()
	if err != nil || id == "" {
		return err
	}
	if before, ok := s.ids[id]; ok {
		s.faults.At(s.Reader, "rules[%d] has the id %s, too, and reports could not tell the two apart; give this one another", before, span.Short(id))
	}
	s.ids[id] = i
	return nil
}

func (s *saving) version() error {
	if s.Kind() != '0' {
		return s.skip()
	}
	n, err := s.Number()
	if err == nil && n != 1 && n != 2 {
		s.faults.At(s.Reader, "there are hashVersion 1 and 2, and nobody is placed by %v", n)
	}
	return err
}

// condition looks at what a condition says of groups and sizes, however deep.
func (s *saving) condition() error {
	switch s.Kind() {
	case '[':
		return s.Array(func(int) error { return s.condition() })
	case '{':
	default:
		return s.skip()
	}
	return s.Object(func(key string) error {
		switch {
		case key == "$savedGroup" && s.Kind() == '{':
			return s.object("saved group", func(string) error { return s.skip() })
		case key == "$size" && s.Kind() == '0':
			n, err := s.Number()
			if n < 0 || n != math.Trunc(n) {
				s.faults.At(s.Reader, "no list has %v elements; $size is a whole number from 0 on", n)
			}
			return err
		}
		return s.condition()
	})
}

// closest is the name that was probably meant by a misspelt one: the one with the fewest edits, at most one for three letters; empty where there is none.
func closest(name string, names []string) string {
	const longest = 40
	if len(name) > longest {
		return ""
	}
	best, fewest := "", max(1, len(name)/3)+1
	for _, one := range names {
		if n := edits(strings.ToLower(name), strings.ToLower(one)); n < fewest {
			best, fewest = one, n
		}
	}
	return best
}

// edits counts the insertions, deletions and replacements that lead from a to b.
func edits(a, b string) int {
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, replace)
		}
		last = row
	}
	return last[len(b)]
}
