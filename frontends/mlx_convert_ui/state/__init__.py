"""What pages show and share, without a widget: jobs, chats, comparisons, the queue, preferences."""
