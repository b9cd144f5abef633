//! Normative statements about messages, subscriptions and delivery: sections 3.3 to 3.11 and 4.3 to 4.9.

use super::Row;

/// In the order of the specifications.
pub(super) const ROWS: &[Row] = rows! {
    // === MQTT 3.1.1: PUBLISH and its acknowledgements ===
    V311 "MQTT-3.3.1-1" "DUP is set on what is sent again"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new"];
    V311 "MQTT-3.3.1-2" "DUP is never set at QoS 0"
        by ["qos_0_is_sent_once_and_answered_by_nothing", "dup_at_qos_0_closes_the_connection"];
    V311 "MQTT-3.3.1-3" "DUP says nothing of how the publisher sent it"
        by ["the_publishers_dup_flag_is_not_passed_on"];
    V311 "MQTT-3.3.1-4" "both QoS bits end the connection"
        by ["both_qos_bits_close_the_connection"];
    V311 "MQTT-3.3.1-5" "a retained message is kept with its QoS"
        by ["the_last_retained_message_reaches_each_later_subscriber"];
    V311 "MQTT-3.3.1-6" "a new subscription brings the last retained message of each topic"
        by ["a_wildcard_brings_the_retained_messages_of_all_its_topics_and_no_others",
            "retained_messages_by_the_thousand_reach_a_client_each_time_it_subscribes"];
    V311 "MQTT-3.3.1-7" "a retained message at QoS 0 replaces the one before"
        by ["the_last_retained_message_reaches_each_later_subscriber"];
    V311 "MQTT-3.3.1-8" "RETAIN is set on what a new subscription brings"
        by ["the_last_retained_message_reaches_each_later_subscriber"];
    V311 "MQTT-3.3.1-9" "RETAIN is not set on what an established subscription brings"
        by ["what_is_published_while_a_client_subscribes_already_is_not_marked_as_retained"];
    V311 "MQTT-3.3.1-10" "an empty retained message is delivered, and removes the one before"
        by ["an_empty_retained_message_is_delivered_and_removes_the_one_that_there_was"];
    V311 "MQTT-3.3.1-11" "an empty retained message is not kept"
        by ["an_empty_retained_message_is_delivered_and_removes_the_one_that_there_was"];
    V311 "MQTT-3.3.1-12" "a message without RETAIN is not kept, and removes nothing"
        by ["a_message_that_is_not_retained_is_not_kept_and_removes_nothing"];
    V311 "MQTT-3.3.2-1" "the topic comes first, and is UTF-8"
        by ["a_topic_that_is_none_closes_the_connection",
            "a_publish_packet_without_its_parts_closes_the_connection"];
    V311 "MQTT-3.3.2-2" "the topic has no wildcards"
        by ["a_topic_that_is_none_closes_the_connection"];
    V311 "MQTT-3.3.2-3" "what is delivered matches the subscription"
        by ["filters_match_as_the_standard_says", "topics_are_not_changed_on_their_way"];
    V311 "MQTT-3.3.4-1" "each QoS level has its answer"
        by ["qos_0_is_sent_once_and_answered_by_nothing",
            "qos_1_is_acknowledged_and_its_packet_identifier_is_free_again",
            "qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent",
            "a_message_that_nobody_subscribes_to_is_acknowledged"];
    V311 "MQTT-3.3.5-1" "the highest level of all subscriptions that match counts"
        by ["overlapping_subscriptions_bring_one_copy_with_the_highest_of_their_levels"];
    V311 "MQTT-3.3.5-2" "what a client may not publish is acknowledged, or ends its connection"
        by ["a_message_that_is_not_allowed_is_answered_and_goes_nowhere"];
    V311 "MQTT-3.6.1-1" "other flags of PUBREL end the connection"
        by ["a_release_with_other_flags_closes_the_connection"];

    // === MQTT 3.1.1: SUBSCRIBE and UNSUBSCRIBE ===
    V311 "MQTT-3.8.1-1" "other flags of SUBSCRIBE end the connection"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.8.3-1" "filters are UTF-8"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.8.3-2" "wildcards are served, or refused"
        by ["filters_match_as_the_standard_says"];
    V311 "MQTT-3.8.3-3" "SUBSCRIBE has a filter"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.8.3-4" "reserved bits and QoS 3 in SUBSCRIBE end the connection"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.8.4-1" "SUBSCRIBE is answered by SUBACK"
        by ["many_filters_are_answered_by_one_suback_in_their_order"];
    V311 "MQTT-3.8.4-2" "SUBACK has the packet identifier of SUBSCRIBE"
        by ["one_packet_with_many_filters_is_as_many_packets_with_one"];
    V311 "MQTT-3.8.4-3" "the same filter again replaces the subscription, and brings what is retained"
        by ["the_same_filter_again_replaces_the_subscription",
            "no_message_is_lost_while_a_subscription_is_replaced"];
    V311 "MQTT-3.8.4-4" "many filters are served as if each came alone, with one SUBACK"
        by ["one_packet_with_many_filters_is_as_many_packets_with_one"];
    V311 "MQTT-3.8.4-5" "SUBACK has the granted level or a failure for each filter"
        by ["many_filters_are_answered_by_one_suback_in_their_order",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V311 "MQTT-3.8.4-6" "messages come at the lower level of publication and subscription"
        by ["messages_come_with_the_lower_qos_of_both",
            "retained_messages_come_with_the_lower_qos_of_both"];
    V311 "MQTT-3.9.3-1" "return codes are in the order of the filters"
        by ["many_filters_are_answered_by_one_suback_in_their_order"];
    V311 "MQTT-3.9.3-2" "there are no return codes but 0, 1, 2 and 0x80"
        by ["many_filters_are_answered_by_one_suback_in_their_order",
            "a_session_has_a_bounded_number_of_subscriptions"];
    V311 "MQTT-3.10.1-1" "other flags of UNSUBSCRIBE end the connection"
        by ["unsubscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.10.3-1" "filters of UNSUBSCRIBE are UTF-8"
        by ["unsubscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.10.3-2" "UNSUBSCRIBE has a filter"
        by ["unsubscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-3.10.4-1" "only the very same filter is deleted"
        by ["only_the_very_same_filter_ends_a_subscription",
            "an_overlapping_subscription_stays"];
    V311 "MQTT-3.10.4-2" "nothing new comes for a deleted filter"
        by ["only_the_very_same_filter_ends_a_subscription"];
    V311 "MQTT-3.10.4-3" "deliveries under way are completed"
        by ["deliveries_that_have_begun_are_completed"];
    V311 "MQTT-3.10.4-4" "UNSUBACK has the packet identifier of UNSUBSCRIBE"
        by ["only_the_very_same_filter_ends_a_subscription"];
    V311 "MQTT-3.10.4-5" "UNSUBACK comes where nothing was deleted, too"
        by ["only_the_very_same_filter_ends_a_subscription",
            "a_filter_that_is_none_is_answered_as_one_that_nobody_subscribed_to"];
    V311 "MQTT-3.10.4-6" "many filters are deleted as if each came alone, with one UNSUBACK"
        by ["many_filters_are_answered_by_one_unsuback_in_their_order"];

    // === MQTT 3.1.1: delivery, order, topics ===
    V311 "MQTT-4.3.1-1" "QoS 0 is sent once, without DUP"
        by ["qos_0_is_sent_once_and_answered_by_nothing"];
    V311 "MQTT-4.3.2-1" "QoS 1 has a free packet identifier, no DUP, and is open until PUBACK"
        by ["qos_1_to_a_client_has_a_packet_identifier_of_its_own_until_it_is_acknowledged",
            "a_packet_identifier_in_use_is_passed_over_when_all_have_been_used",
            "what_is_not_acknowledged_comes_again_in_its_order_before_anything_new"];
    V311 "MQTT-4.3.2-2" "QoS 1 is answered by PUBACK, after which its packet identifier is new again"
        by ["qos_1_is_acknowledged_and_its_packet_identifier_is_free_again"];
    V311 "MQTT-4.3.3-1" "QoS 2 to a client takes its steps, and is not published again once released"
        by ["qos_2_to_a_client_takes_its_four_steps", "what_is_released_is_not_published_again",
            "qos_1_to_a_client_has_a_packet_identifier_of_its_own_until_it_is_acknowledged"];
    V311 "MQTT-4.3.3-2" "QoS 2 from a client is answered at each step, and passed on once"
        by ["qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent",
            "qos_2_from_a_client_is_passed_on_once_across_its_connections",
            "releases_in_another_order_release_the_right_messages"];
    V311 "MQTT-4.4.0-1" "open messages and releases come again with their packet identifiers"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new",
            "releases_come_again_as_well",
            "a_take_over_brings_what_is_not_acknowledged_to_the_new_connection"];
    V311 "MQTT-4.5.0-1" "a message is added to each session that subscribes to it"
        by ["a_message_arrives_as_it_was_published_whatever_the_versions",
            "subscriptions_of_a_session_that_lasts_outlive_the_connection"];
    V311 "MQTT-4.5.0-2" "a client acknowledges whatever it receives"
        because ["it is about clients"];
    V311 "MQTT-4.6.0-1" "what is sent again keeps its order"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new",
            "the_order_is_kept_through_a_queue_a_window_and_a_reconnect"];
    V311 "MQTT-4.6.0-2" "PUBACKs are in the order of their messages"
        by ["messages_are_acknowledged_in_the_order_they_were_published"];
    V311 "MQTT-4.6.0-3" "PUBRECs are in the order of their messages"
        by ["messages_are_acknowledged_in_the_order_they_were_published"];
    V311 "MQTT-4.6.0-4" "PUBRELs are in the order of the PUBRECs"
        by ["releases_are_sent_in_the_order_of_what_was_received"];
    V311 "MQTT-4.6.0-5" "each topic is ordered by default"
        by ["messages_of_one_topic_and_level_come_in_the_order_they_were_published"];
    V311 "MQTT-4.6.0-6" "messages of a topic and level come as each publisher sent them"
        by ["messages_of_one_topic_and_level_come_in_the_order_they_were_published",
            "the_messages_of_each_publisher_are_in_order_when_many_publish_at_once"];
    V311 "MQTT-4.7.1-1" "wildcards are in filters only"
        by ["filters_match_as_the_standard_says", "a_topic_that_is_none_closes_the_connection"];
    V311 "MQTT-4.7.1-2" "# is the last level, alone"
        by ["filters_match_as_the_standard_says",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V311 "MQTT-4.7.1-3" "+ is a level of its own, anywhere"
        by ["filters_match_as_the_standard_says",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V311 "MQTT-4.7.2-1" "a wildcard at the beginning does not match $ topics"
        by ["topics_of_the_server_are_found_by_their_name_only"];
    V311 "MQTT-4.7.3-1" "topics and filters are not empty"
        by ["a_topic_that_is_none_closes_the_connection",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V311 "MQTT-4.7.3-2" "topics and filters have no NUL"
        by ["a_topic_that_is_none_closes_the_connection",
            "subscribe_packets_that_are_none_close_the_connection"];
    V311 "MQTT-4.7.3-3" "topics and filters have 65,535 bytes at most"
        by ["longer_topics_and_filters_are_refused_with_their_reason",
            "the_longest_topics_that_are_allowed_arrive"];
    V311 "MQTT-4.7.3-4" "topics and filters are compared as they are"
        by ["filters_match_as_the_standard_says", "topics_are_not_changed_on_their_way",
            "retained_messages_are_found_as_the_standard_says"];

    // === MQTT 5: PUBLISH ===
    V5 "MQTT-3.3.1-1" "DUP is set on what is sent again"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new"];
    V5 "MQTT-3.3.1-2" "DUP is never set at QoS 0"
        by ["qos_0_is_sent_once_and_answered_by_nothing", "dup_at_qos_0_closes_the_connection"];
    V5 "MQTT-3.3.1-3" "DUP says nothing of how the publisher sent it"
        by ["the_publishers_dup_flag_is_not_passed_on"];
    V5 "MQTT-3.3.1-4" "both QoS bits end the connection"
        by ["both_qos_bits_close_the_connection"];
    V5 "MQTT-3.3.1-5" "a retained message is kept with its QoS, and replaces the one before"
        by ["the_last_retained_message_reaches_each_later_subscriber",
            "what_mqtt_5_adds_to_a_message_is_passed_on_unchanged"];
    V5 "MQTT-3.3.1-6" "an empty retained message is delivered, and removes the one before"
        by ["an_empty_retained_message_is_delivered_and_removes_the_one_that_there_was"];
    V5 "MQTT-3.3.1-7" "an empty retained message is not kept"
        by ["an_empty_retained_message_is_delivered_and_removes_the_one_that_there_was"];
    V5 "MQTT-3.3.1-8" "a message without RETAIN is not kept, and removes nothing"
        by ["a_message_that_is_not_retained_is_not_kept_and_removes_nothing"];
    V5 "MQTT-3.3.1-9" "retain handling 0 brings what is retained"
        by ["retain_handling_says_when_retained_messages_are_sent",
            "retained_messages_by_the_thousand_reach_a_client_each_time_it_subscribes"];
    V5 "MQTT-3.3.1-10" "retain handling 1 brings it to a new subscription only"
        by ["retain_handling_says_when_retained_messages_are_sent"];
    V5 "MQTT-3.3.1-11" "retain handling 2 never brings it"
        by ["retain_handling_says_when_retained_messages_are_sent"];
    V5 "MQTT-3.3.1-12" "without retain as published, RETAIN is not passed on"
        by ["the_retain_flag_is_passed_on_as_published_where_the_subscription_asks_for_it",
            "what_is_published_while_a_client_subscribes_already_is_not_marked_as_retained"];
    V5 "MQTT-3.3.1-13" "with it, RETAIN is passed on"
        by ["the_retain_flag_is_passed_on_as_published_where_the_subscription_asks_for_it",
            "the_retain_flag_is_passed_on_as_published_from_a_queue_too"];
    V5 "MQTT-3.3.2-1" "the topic comes first, and is UTF-8"
        by ["a_topic_that_is_none_closes_the_connection",
            "a_publish_packet_without_its_parts_closes_the_connection"];
    V5 "MQTT-3.3.2-2" "the topic has no wildcards"
        by ["a_topic_that_is_none_closes_the_connection"];
    V5 "MQTT-3.3.2-3" "what is delivered matches the subscription"
        by ["filters_match_as_the_standard_says", "topics_are_not_changed_on_their_way"];
    V5 "MQTT-3.3.2-4" "the payload format is passed on"
        by ["what_mqtt_5_adds_to_a_message_is_passed_on_unchanged",
            "payload_format_0_says_no_more_than_none"];
    V5 "MQTT-3.3.2-5" "an expired message is not delivered"
        by ["a_queued_message_expires_or_comes_with_what_is_left",
            "a_retained_message_expires_or_comes_with_what_is_left",
            "a_message_behind_a_full_window_expires"];
    V5 "MQTT-3.3.2-6" "the expiry is reduced by the time that the message has waited"
        by ["a_queued_message_expires_or_comes_with_what_is_left",
            "a_retained_message_expires_or_comes_with_what_is_left",
            "a_message_that_does_not_wait_keeps_its_expiry"];
    V5 "MQTT-3.3.2-7" "a topic alias ends with its connection"
        by ["an_alias_ends_with_its_connection", "the_servers_aliases_end_with_the_connection"];
    V5 "MQTT-3.3.2-8" "0 is no topic alias"
        by ["aliases_that_are_none_end_the_connection",
            "the_servers_aliases_are_no_more_than_a_client_takes_and_stand_for_the_right_topics"];
    V5 "MQTT-3.3.2-9" "a client's alias is not above the server's maximum"
        by ["aliases_that_are_none_end_the_connection"];
    V5 "MQTT-3.3.2-10" "a client takes every alias up to its maximum"
        because ["it is about clients"];
    V5 "MQTT-3.3.2-11" "the server's alias is not above the client's maximum"
        by ["the_servers_aliases_are_no_more_than_a_client_takes_and_stand_for_the_right_topics",
            "without_a_maximum_the_server_uses_no_alias"];
    V5 "MQTT-3.3.2-12" "the server takes every alias up to its maximum"
        by ["each_alias_up_to_the_servers_maximum_stands_for_its_topic",
            "an_alias_can_be_given_to_another_topic"];
    V5 "MQTT-3.3.2-13" "the response topic is UTF-8"
        by ["properties_that_a_client_may_not_send_close_the_connection"];
    V5 "MQTT-3.3.2-14" "the response topic has no wildcards"
        by ["properties_that_a_client_may_not_send_close_the_connection"];
    V5 "MQTT-3.3.2-15" "the response topic is passed on"
        by ["what_mqtt_5_adds_to_a_message_is_passed_on_unchanged", "a_request_finds_its_answer"];
    V5 "MQTT-3.3.2-16" "the correlation data are passed on"
        by ["what_mqtt_5_adds_to_a_message_is_passed_on_unchanged", "a_request_finds_its_answer"];
    V5 "MQTT-3.3.2-17" "user properties are passed on"
        by ["what_mqtt_5_adds_to_a_message_is_passed_on_unchanged"];
    V5 "MQTT-3.3.2-18" "user properties keep their order"
        by ["what_mqtt_5_adds_to_a_message_is_passed_on_unchanged"];
    V5 "MQTT-3.3.2-19" "the content type is UTF-8"
        by ["properties_that_a_client_may_not_send_close_the_connection"];
    V5 "MQTT-3.3.2-20" "the content type is passed on"
        by ["what_mqtt_5_adds_to_a_message_is_passed_on_unchanged"];
    V5 "MQTT-3.3.4-1" "each QoS level has its answer"
        by ["qos_0_is_sent_once_and_answered_by_nothing",
            "qos_1_is_acknowledged_and_its_packet_identifier_is_free_again",
            "qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent",
            "a_message_that_nobody_subscribes_to_is_acknowledged"];
    V5 "MQTT-3.3.4-2" "the highest level of all subscriptions that match counts"
        by ["overlapping_subscriptions_bring_one_copy_with_the_highest_of_their_levels"];
    V5 "MQTT-3.3.4-3" "a message carries the identifiers of overlapping subscriptions"
        by ["a_message_carries_the_identifiers_of_all_subscriptions_that_match"];
    V5 "MQTT-3.3.4-4" "one copy carries the identifiers of all that match"
        by ["a_message_carries_the_identifiers_of_all_subscriptions_that_match"];
    V5 "MQTT-3.3.4-5" "each of several copies carries its subscription's identifier"
        because ["one copy is sent for all subscriptions of a session"];
    V5 "MQTT-3.3.4-6" "a client sends no subscription identifier"
        by ["properties_that_a_client_may_not_send_close_the_connection"];
    V5 "MQTT-3.3.4-7" "a client keeps to the server's receive maximum"
        by ["as_many_messages_as_the_server_takes_may_be_open_and_no_more"];
    V5 "MQTT-3.3.4-8" "a client holds up nothing but messages for it"
        because ["it is about clients"];
    V5 "MQTT-3.3.4-9" "the server keeps to the client's receive maximum"
        by ["no_more_messages_are_sent_than_the_client_takes_at_once",
            "each_end_of_a_delivery_makes_room_for_one_more",
            "retained_messages_keep_to_the_window_too",
            "what_comes_again_keeps_to_the_receive_maximum_of_the_new_connection"];
    V5 "MQTT-3.3.4-10" "the server holds up nothing but messages for it"
        by ["a_full_window_holds_up_nothing_but_messages"];

    // === MQTT 5: acknowledgements ===
    V5 "MQTT-3.4.2-1" "PUBACK has one of its reason codes"
        by ["a_message_that_nobody_subscribes_to_is_acknowledged",
            "a_message_that_is_not_allowed_is_answered_and_goes_nowhere"];
    V5 "MQTT-3.4.2-2" "PUBACK leaves out a reason string that is too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.4.2-3" "PUBACK leaves out user properties that are too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.5.2-1" "PUBREC has one of its reason codes"
        by ["a_message_that_nobody_subscribes_to_is_acknowledged",
            "a_message_that_is_not_allowed_is_answered_and_goes_nowhere"];
    V5 "MQTT-3.5.2-2" "PUBREC leaves out a reason string that is too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.5.2-3" "PUBREC leaves out user properties that are too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.6.1-1" "other flags of PUBREL end the connection"
        by ["a_release_with_other_flags_closes_the_connection"];
    V5 "MQTT-3.6.2-1" "PUBREL has one of its reason codes"
        by ["qos_2_to_a_client_takes_its_four_steps",
            "acknowledgements_that_nobody_waits_for_do_no_harm"];
    V5 "MQTT-3.6.2-2" "PUBREL leaves out a reason string that is too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.6.2-3" "PUBREL leaves out user properties that are too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.7.2-1" "PUBCOMP has one of its reason codes"
        by ["qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent",
            "acknowledgements_that_nobody_waits_for_do_no_harm"];
    V5 "MQTT-3.7.2-2" "PUBCOMP leaves out a reason string that is too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.7.2-3" "PUBCOMP leaves out user properties that are too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];

    // === MQTT 5: SUBSCRIBE and UNSUBSCRIBE ===
    V5 "MQTT-3.8.1-1" "other flags of SUBSCRIBE end the connection"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.8.3-1" "filters are UTF-8"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.8.3-2" "SUBSCRIBE has a filter"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.8.3-3" "no local keeps a client's own messages from it"
        by ["no_local_keeps_a_clients_own_messages_from_it_and_no_others",
            "no_local_is_an_option_of_one_subscription"];
    V5 "MQTT-3.8.3-4" "no local on a shared subscription is a protocol error"
        by ["no_local_on_a_shared_subscription_ends_the_connection"];
    V5 "MQTT-3.8.3-5" "reserved bits in SUBSCRIBE end the connection"
        by ["subscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.8.4-1" "SUBSCRIBE is answered by SUBACK"
        by ["many_filters_are_answered_by_one_suback_in_their_order",
            "suback_comes_first_then_what_is_retained_then_what_is_new"];
    V5 "MQTT-3.8.4-2" "SUBACK has the packet identifier of SUBSCRIBE"
        by ["one_packet_with_many_filters_is_as_many_packets_with_one"];
    V5 "MQTT-3.8.4-3" "the same filter again replaces the subscription"
        by ["the_same_filter_again_replaces_the_subscription",
            "replacing_a_subscription_replaces_its_identifier"];
    V5 "MQTT-3.8.4-4" "replacing brings what is retained, and loses no message"
        by ["the_same_filter_again_replaces_the_subscription",
            "no_message_is_lost_while_a_subscription_is_replaced"];
    V5 "MQTT-3.8.4-5" "many filters are served as if each came alone, with one SUBACK"
        by ["one_packet_with_many_filters_is_as_many_packets_with_one",
            "one_refused_filter_changes_nothing_for_the_others"];
    V5 "MQTT-3.8.4-6" "SUBACK has a reason code for each filter"
        by ["many_filters_are_answered_by_one_suback_in_their_order"];
    V5 "MQTT-3.8.4-7" "a reason code is the granted level or a failure"
        by ["many_filters_are_answered_by_one_suback_in_their_order",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V5 "MQTT-3.8.4-8" "messages come at the lower level of publication and subscription"
        by ["messages_come_with_the_lower_qos_of_both",
            "retained_messages_come_with_the_lower_qos_of_both"];
    V5 "MQTT-3.9.2-1" "SUBACK leaves out a reason string that is too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.9.2-2" "SUBACK leaves out user properties that are too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.9.3-1" "reason codes are in the order of the filters"
        by ["many_filters_are_answered_by_one_suback_in_their_order"];
    V5 "MQTT-3.9.3-2" "SUBACK has its own reason codes only"
        by ["many_filters_are_answered_by_one_suback_in_their_order",
            "a_session_has_a_bounded_number_of_subscriptions"];
    V5 "MQTT-3.10.1-1" "other flags of UNSUBSCRIBE end the connection"
        by ["unsubscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.10.3-1" "filters of UNSUBSCRIBE are UTF-8"
        by ["unsubscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.10.3-2" "UNSUBSCRIBE has a filter"
        by ["unsubscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-3.10.4-1" "only the very same filter is deleted"
        by ["only_the_very_same_filter_ends_a_subscription",
            "an_overlapping_subscription_stays"];
    V5 "MQTT-3.10.4-2" "nothing new comes for a deleted filter"
        by ["only_the_very_same_filter_ends_a_subscription",
            "a_member_that_unsubscribes_gets_nothing_more"];
    V5 "MQTT-3.10.4-3" "deliveries under way are completed"
        by ["deliveries_that_have_begun_are_completed"];
    V5 "MQTT-3.10.4-4" "UNSUBSCRIBE is answered by UNSUBACK"
        by ["only_the_very_same_filter_ends_a_subscription"];
    V5 "MQTT-3.10.4-5" "UNSUBACK has the packet identifier, and comes where nothing was deleted, too"
        by ["only_the_very_same_filter_ends_a_subscription",
            "a_filter_that_is_none_is_answered_as_one_that_nobody_subscribed_to"];
    V5 "MQTT-3.10.4-6" "many filters are deleted as if each came alone, with one UNSUBACK"
        by ["many_filters_are_answered_by_one_unsuback_in_their_order"];
    V5 "MQTT-3.11.2-1" "UNSUBACK leaves out a reason string that is too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.11.2-2" "UNSUBACK leaves out user properties that are too long for the client"
        by ["answers_leave_out_their_reasons_rather_than_be_larger_than_a_client_takes"];
    V5 "MQTT-3.11.3-1" "reason codes are in the order of the filters"
        by ["many_filters_are_answered_by_one_unsuback_in_their_order"];
    V5 "MQTT-3.11.3-2" "UNSUBACK has its own reason codes only"
        by ["many_filters_are_answered_by_one_unsuback_in_their_order",
            "a_filter_that_is_none_is_answered_as_one_that_nobody_subscribed_to"];

    // === MQTT 5: delivery and order ===
    V5 "MQTT-4.3.1-1" "QoS 0 is sent once, without DUP"
        by ["qos_0_is_sent_once_and_answered_by_nothing"];
    V5 "MQTT-4.3.2-1" "a new QoS 1 message has a free packet identifier"
        by ["qos_1_to_a_client_has_a_packet_identifier_of_its_own_until_it_is_acknowledged",
            "a_packet_identifier_in_use_is_passed_over_when_all_have_been_used"];
    V5 "MQTT-4.3.2-2" "it is sent without DUP"
        by ["qos_1_to_a_client_has_a_packet_identifier_of_its_own_until_it_is_acknowledged"];
    V5 "MQTT-4.3.2-3" "it is open until PUBACK"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new",
            "a_subscriber_may_acknowledge_in_any_order"];
    V5 "MQTT-4.3.2-4" "QoS 1 from a client is answered by PUBACK"
        by ["qos_1_is_acknowledged_and_its_packet_identifier_is_free_again"];
    V5 "MQTT-4.3.2-5" "after PUBACK, its packet identifier is new again, whatever DUP says"
        by ["qos_1_is_acknowledged_and_its_packet_identifier_is_free_again"];
    V5 "MQTT-4.3.3-1" "a new QoS 2 message has a free packet identifier"
        by ["qos_1_to_a_client_has_a_packet_identifier_of_its_own_until_it_is_acknowledged"];
    V5 "MQTT-4.3.3-2" "it is sent without DUP"
        by ["qos_2_to_a_client_takes_its_four_steps"];
    V5 "MQTT-4.3.3-3" "it is open until PUBREC"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new"];
    V5 "MQTT-4.3.3-4" "PUBREC is answered by PUBREL, unless it refuses the message"
        by ["qos_2_to_a_client_takes_its_four_steps",
            "a_message_that_the_client_refuses_does_not_come_again"];
    V5 "MQTT-4.3.3-5" "PUBREL is open until PUBCOMP"
        by ["what_is_released_is_not_published_again", "releases_come_again_as_well"];
    V5 "MQTT-4.3.3-6" "what is released is not published again"
        by ["what_is_released_is_not_published_again"];
    V5 "MQTT-4.3.3-7" "a message that was sent does not expire"
        by ["a_message_that_was_sent_once_does_not_expire_any_more"];
    V5 "MQTT-4.3.3-8" "QoS 2 from a client is answered by PUBREC"
        by ["qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent"];
    V5 "MQTT-4.3.3-9" "after a refusal, its packet identifier is new again"
        by ["a_refused_qos_2_message_leaves_its_packet_identifier_free"];
    V5 "MQTT-4.3.3-10" "until PUBREL it is answered again, and passed on once"
        by ["qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent",
            "qos_2_from_a_client_is_passed_on_once_across_its_connections"];
    V5 "MQTT-4.3.3-11" "PUBREL is answered by PUBCOMP"
        by ["qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent",
            "releases_in_another_order_release_the_right_messages"];
    V5 "MQTT-4.3.3-12" "after PUBCOMP, its packet identifier is new again"
        by ["qos_2_from_a_client_is_passed_on_once_however_often_it_is_sent"];
    V5 "MQTT-4.3.3-13" "the exchange goes on when the message has expired"
        by ["the_exchange_with_the_publisher_goes_on_when_its_message_has_expired"];
    V5 "MQTT-4.4.0-1" "open messages and releases come again on a new connection, and at no other time"
        by ["what_is_not_acknowledged_comes_again_in_its_order_before_anything_new",
            "releases_come_again_as_well", "nothing_comes_again_on_the_same_connection"];
    V5 "MQTT-4.4.0-2" "a refused message does not come again"
        by ["a_message_that_the_client_refuses_does_not_come_again"];
    V5 "MQTT-4.5.0-1" "a message is added to each session that subscribes to it"
        by ["a_message_arrives_as_it_was_published_whatever_the_versions",
            "subscriptions_of_a_session_that_lasts_outlive_the_connection"];
    V5 "MQTT-4.5.0-2" "a client acknowledges whatever it receives"
        because ["it is about clients"];
    V5 "MQTT-4.6.0-1" "a client keeps the order of what it sends again"
        because ["it is about clients; the server does, as 3.1.1 asks of it"];
    V5 "MQTT-4.6.0-2" "a client sends PUBACKs in the order of their messages"
        because ["it is about clients; the server does, as 3.1.1 asks of it"];
    V5 "MQTT-4.6.0-3" "a client sends PUBRECs in the order of their messages"
        because ["it is about clients; the server does, as 3.1.1 asks of it"];
    V5 "MQTT-4.6.0-4" "a client sends PUBRELs in the order of the PUBRECs"
        because ["it is about clients; the server does, as 3.1.1 asks of it"];
    V5 "MQTT-4.6.0-5" "messages of a topic and level come as each publisher sent them"
        by ["messages_of_one_topic_and_level_come_in_the_order_they_were_published",
            "the_messages_of_each_publisher_are_in_order_when_many_publish_at_once"];
    V5 "MQTT-4.6.0-6" "each topic is ordered for subscriptions that are not shared"
        by ["messages_of_one_topic_and_level_come_in_the_order_they_were_published",
            "the_order_is_kept_through_a_queue_a_window_and_a_reconnect",
            "the_last_value_that_comes_is_the_one_that_is_retained"];

    // === MQTT 5: topics, shared subscriptions, flow control ===
    V5 "MQTT-4.7.0-1" "wildcards are in filters only"
        by ["filters_match_as_the_standard_says", "a_topic_that_is_none_closes_the_connection"];
    V5 "MQTT-4.7.1-1" "# is the last level, alone"
        by ["filters_match_as_the_standard_says",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V5 "MQTT-4.7.1-2" "+ is a level of its own, anywhere"
        by ["filters_match_as_the_standard_says",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V5 "MQTT-4.7.2-1" "a wildcard at the beginning does not match $ topics"
        by ["topics_of_the_server_are_found_by_their_name_only"];
    V5 "MQTT-4.7.3-1" "topics and filters are not empty"
        by ["a_topic_that_is_none_closes_the_connection",
            "each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V5 "MQTT-4.7.3-2" "topics and filters have no NUL"
        by ["a_topic_that_is_none_closes_the_connection",
            "subscribe_packets_that_are_none_close_the_connection"];
    V5 "MQTT-4.7.3-3" "topics and filters have 65,535 bytes at most"
        by ["longer_topics_and_filters_are_refused_with_their_reason",
            "the_longest_topics_that_are_allowed_arrive"];
    V5 "MQTT-4.7.3-4" "topics and filters are compared as they are"
        by ["filters_match_as_the_standard_says", "topics_are_not_changed_on_their_way",
            "retained_messages_are_found_as_the_standard_says"];
    V5 "MQTT-4.8.2-1" "a shared subscription has a share name of a character at least"
        by ["each_filter_that_is_none_is_refused_and_the_connection_goes_on",
            "each_message_goes_to_one_member_and_each_member_gets_some"];
    V5 "MQTT-4.8.2-2" "a share name has no /, + and #, and a filter follows it"
        by ["each_filter_that_is_none_is_refused_and_the_connection_goes_on"];
    V5 "MQTT-4.8.2-3" "each member gets the level that it was granted"
        by ["each_member_gets_the_level_that_it_was_granted"];
    V5 "MQTT-4.8.2-4" "a QoS 2 delivery that has begun is completed when its member comes back"
        by ["a_qos_2_delivery_that_has_begun_stays_with_its_member"];
    V5 "MQTT-4.8.2-5" "it goes to no other member when the session ends"
        by ["a_qos_2_delivery_that_has_begun_stays_with_its_member"];
    V5 "MQTT-4.8.2-6" "what a member refuses goes to no other member"
        by ["what_a_member_refuses_goes_to_nobody_else"];
    V5 "MQTT-4.9.0-1" "the window is not 0 and not above the receive maximum"
        by ["no_more_messages_are_sent_than_the_client_takes_at_once"];
    V5 "MQTT-4.9.0-2" "with a full window nothing above QoS 0 is sent"
        by ["no_more_messages_are_sent_than_the_client_takes_at_once",
            "each_end_of_a_delivery_makes_room_for_one_more"];
    V5 "MQTT-4.9.0-3" "with a full window everything else goes on"
        by ["a_full_window_holds_up_nothing_but_messages"];
};
