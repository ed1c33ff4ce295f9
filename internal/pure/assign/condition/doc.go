// Package condition decides whether a visitor is meant: {"country": "US", "age": {"$gte": 18}}. Conditions are GrowthBook's, of spec version 0.12.0.
//
//	text --Compiler--> Condition --Match(run, attributes)--> Pass | Fail | Unknown | Broken
//
// A condition is compiled once into a tree of nodes, and a match walks it without allocating. Equal texts share one tree.
//
// Four outcomes, of which only Pass is a match. Unknown is what an operator gives that this version does not know: neither it nor its opposite ($not) lets
// anybody in. Broken is what a part gives that is no condition at all ({"$not": null}): it ends the whole evaluation, as an exception would. Within an object
// $and, $or, $nor and $not come first and then the attributes by name, whatever the order in the text, so that equal conditions have equal outcomes.
//
// Types are strict: "5" is not 5, nothing is coerced. A missing attribute is null. Attributes are what encoding/json gives for any (string, float64, bool, nil,
// []any, map[string]any); other Go numbers, []string and map[string]string are understood; anything else is null.
//
// Every evaluation has a budget (Run.Fuel, in nodes), so that no set of groups that name one another, however it is nested, takes long; a regular expression is
// RE2, at most MaxPattern bytes and MaxSteps steps.
package condition
