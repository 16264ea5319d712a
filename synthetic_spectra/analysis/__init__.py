"""From runs to answers: result tables, statistics, confused classes, the ceiling."""
