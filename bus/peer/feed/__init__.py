"""What one participant hears: events in order and complete, and replies in their place among them.

`ordering.py` decides what becomes of each message of the feed, `subscriber.py` carries it out for all
subscriptions, `subscription.py` is what a subscriber iterates over, `topic_decoders.py` reads the events.
`follower.py` asks and follows. `merge_order.py` decides what a reply contains, `epoch_succession.py` knows
which life of the broker came before which.
"""
