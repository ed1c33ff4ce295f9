package events

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// KnownPerson is what is stored of a user: what would be removed were they forgotten now.
type KnownPerson struct {
	User      string    `json:"user"`
	Aliases   []string  `json:"aliases" nullable:"false" doc:"Other ids that an alias says were the same person's"`
	Anonymous []string  `json:"anonymous" nullable:"false" doc:"Anonymous ids that became known as them"`
	Events    int64     `json:"events" doc:"How many are theirs, by any of these ids"`
	First     time.Time `json:"first,omitzero" doc:"When the first of them happened"`
	Last      time.Time `json:"last,omitzero"`
	Failed    int64     `json:"failed" doc:"How many failed events name them"`
}

// mountPerson adds the path of what is stored of one user.
func (d *Door) mountPerson() {
	type asked struct {
		InUser
		KeepAliases bool `query:"keep_aliases" doc:"Without the events of other ids that an alias says were the same person's"`
	}
	type told struct{ Body KnownPerson }
	api.Register(d.API, api.DeployAll, "GET /v1/apps/{app}/events/people/{user}", "Count what is stored of a user, which is what forgetting them would remove", func(ctx context.Context, _ access.Identity, in *asked) (*told, error) {
		store, err := d.Analytics.Store(ctx, in.App)
		if err != nil {
			return nil, err
		}
		person, err := track.Find(ctx, store, in.User, !in.KeepAliases)
		if err != nil {
			return nil, err
		}
		out := KnownPerson{User: person.User, Aliases: person.Aliases, Anonymous: person.Anonymous}
		return &told{out}, out.count(ctx, store, person)
	})
}

// count asks the store.
func (k *KnownPerson) count(ctx context.Context, store analytics.Store, person track.Person) error {
	where, args := person.Where(1)
	table, err := store.Query(ctx, analytics.Query{SQL: `SELECT count(*), min(time), max(time) FROM events WHERE ` + where, Args: args})
	if err != nil {
		return err
	}
	if len(table.Rows) == 1 && len(table.Rows[0]) == 3 {
		k.Events, _ = table.Rows[0][0].(int64)
		k.First, _ = table.Rows[0][1].(time.Time)
		k.Last, _ = table.Rows[0][2].(time.Time)
	}
	for _, id := range append([]string{person.User}, person.Aliases...) {
		table, err := store.Query(ctx, analytics.Query{SQL: `SELECT count(*) FROM failed WHERE strpos(raw, '"' || CAST($1 AS VARCHAR) || '"') > 0`, Args: []any{id}})
		if err != nil {
			return err
		}
		if len(table.Rows) == 1 {
			n, _ := table.Rows[0][0].(int64)
			k.Failed += n
		}
	}
	return nil
}
