package events

import (
	"fmt"
	"strings"
)

// Where is what must be true of the events that are counted.
type Where struct {
	Where []string `help:"Only where a property is so: plan=pro, plan!=pro, context.page.path~/cart, price>10, or plan for one that is set." sep:"none"`
}

// where are the conditions. One that stands at the event's name, as in a step of a funnel, is none there: no event is called so, and nothing would be counted.
func (w Where) where(verb, event, flag string) ([]map[string]string, error) {
	name, rest, some := strings.Cut(event, "?")
	if some && (name == "" || strings.ContainsAny(rest, "=!~<>")) {
		say := []string{"slipway", verb}
		if name != "" {
			say = append(say, flag+name)
		}
		for _, c := range strings.Split(rest, "&") {
			say = append(say, "--where '"+c+"'")
		}
		return nil, fmt.Errorf("%q is the step of a funnel, not the name of an event; conditions go into --where: %s", event, strings.Join(say, " "))
	}
	return conditions(w.Where)
}

// selected reads the step of a funnel: the name of an event, with conditions behind a question mark.
func selected(text string) (map[string]any, error) {
	name, rest, _ := strings.Cut(text, "?")
	if rest == "" { // there are names that ask something
		return map[string]any{"event": text}, nil
	}
	where, err := conditions(strings.Split(rest, "&"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"event": name, "where": where}, nil
}

// conditions reads what --where and steps say: plan=pro, plan!=pro, path~/cart, price>10, price<10, or plan for one that is set.
func conditions(texts []string) (list []map[string]string, err error) {
	for _, text := range texts {
		c := map[string]string{"property": text, "is": "set"}
		if at := strings.IndexAny(text, "=!~<>"); at > 0 {
			is, width := map[byte]string{'=': "equal", '!': "not_equal", '~': "contains", '<': "less", '>': "more"}[text[at]], 1
			if text[at] == '!' {
				if width = 2; !strings.HasPrefix(text[at:], "!=") {
					return nil, fmt.Errorf("%q is no condition; write property=value, !=, ~, < or >, or the property alone", text)
				}
			}
			c = map[string]string{"property": text[:at], "is": is, "value": text[at+width:]}
		} else if at == 0 || text == "" {
			return nil, fmt.Errorf("%q is no condition; begin with the name of a property", text)
		}
		list = append(list, c)
	}
	return list, nil
}
