"""A record as one offline HTML page that needs no script, no network and no other file."""
