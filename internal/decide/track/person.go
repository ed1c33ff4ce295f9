package track

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// mostIDs is how many ids one person is known by at most; what is more is no person.
const mostIDs = 10_000

// Person is a user with all ids that are theirs.
type Person struct {
	User      string   `json:"user"`
	Aliases   []string `json:"aliases"`
	Anonymous []string `json:"anonymous"`
}

// Find asks a store by which ids a user is known: those that an alias says they had before, and the anonymous ids that became known as one of these.
func Find(ctx context.Context, store analytics.Store, user string, aliases bool) (Person, error) {
	p := Person{User: user, Aliases: []string{}, Anonymous: []string{}}
	for next := []string{user}; len(next) > 0 && len(p.Anonymous) < mostIDs; next = next[1:] {
		anonymous, err := ask(ctx, store, `SELECT DISTINCT anonymous_id FROM people WHERE user_id = $1 ORDER BY 1`, next[0])
		if err != nil {
			return p, err
		}
		p.Anonymous = append(p.Anonymous, anonymous...)
		if !aliases {
			continue
		}
		// Those alone that were users in their own right: others are anonymous ids, whose device may be used by somebody else today.
		before, err := ask(ctx, store, `SELECT DISTINCT user_id FROM events WHERE user_id IN (SELECT previous_id FROM events WHERE kind = 'alias' AND user_id = $1) ORDER BY 1`, next[0])
		if err != nil {
			return p, err
		}
		for _, id := range before {
			if id != user && !slices.Contains(p.Aliases, id) && len(p.Aliases) < mostIDs {
				p.Aliases, next = append(p.Aliases, id), append(next, id)
			}
		}
	}
	p.Anonymous = union(p.Anonymous)
	return p, nil
}

func ask(ctx context.Context, store analytics.Store, sql string, args ...any) ([]string, error) {
	table, err := store.Query(ctx, analytics.Query{SQL: sql, Args: args})
	if err != nil {
		return nil, fmt.Errorf("find the ids of a person: %w", err)
	}
	ids := make([]string, 0, len(table.Rows))
	for _, row := range table.Rows {
		if id, ok := row[0].(string); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func union(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return append([]string{}, slices.Compact(all)...)
}

// Where is the condition, in SQL, for the events of a person, whose arguments begin at $first.
func (p Person) Where(first int) (sql string, args []any) {
	list := func(ids []string) string {
		var b strings.Builder
		for i, id := range ids {
			if i > 0 {
				b.WriteString(", ")
			}
			args = append(args, id)
			fmt.Fprintf(&b, "$%d", first+len(args)-1)
		}
		return b.String()
	}
	users := list(append([]string{p.User}, p.Aliases...))
	sql = "(user_id IN (" + users + ") OR anonymous_id IN (" + users + ") OR previous_id IN (" + users + ")"
	if len(p.Anonymous) > 0 {
		sql += " OR (user_id IS NULL AND anonymous_id IN (" + list(p.Anonymous) + "))"
	}
	return sql + ")", args
}
