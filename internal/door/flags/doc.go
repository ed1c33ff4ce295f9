// Package flags is the part of the HTTP API about flags: what they are in each environment, who changed them, what is planned, who would get what. It adds its
// paths to those of package api, with its rights and its answers. What clients ask for visitors is the matter of package evaluate.
//
//	Flags, slipway flag ──HTTP──> Door ──> decide/flag    flags, plans, groups, keys
//	                                   ──> pure/assign    who would get what
//	                                   ──> analytics      last week's visitors
//	                                   ──> door/git       where the code names them
package flags
