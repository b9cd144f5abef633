//! Normative statements about packets in general, connections, sessions, errors and WebSocket: chapters 1 and 2, sections
//! 3.1, 3.2, 3.12, 3.14, 3.15, 4.1, 4.2, 4.12 and 4.13 (4.8 of 3.1.1), chapters 6 and 7.

use super::Row;

/// In the order of the specifications.
pub(super) const ROWS: &[Row] = rows! {
    V311 "MQTT-1.5.3-1" "a string that is not UTF-8 closes the connection"
        by ["strings_that_are_no_utf_8_or_have_u_0000_in_them_end_the_connection",
            "strings_of_connect_that_are_no_utf_8_are_refused"];
    V311 "MQTT-1.5.3-2" "a string with U+0000 closes the connection"
        by ["strings_that_are_no_utf_8_or_have_u_0000_in_them_end_the_connection",
            "strings_of_connect_that_are_no_utf_8_are_refused"];
    V311 "MQTT-1.5.3-3" "U+FEFF is kept wherever it is"
        by ["a_byte_order_mark_is_a_character_like_others"];
    V311 "MQTT-2.2.2-1" "reserved flags have the value of the table"
        by ["reserved_flags_of_the_fixed_header_end_the_connection"];
    V311 "MQTT-2.2.2-2" "other flags close the connection"
        by ["reserved_flags_of_the_fixed_header_end_the_connection"];
    V311 "MQTT-2.3.1-1" "packet identifiers are not 0"
        by ["packet_identifier_0_ends_the_connection"];
    V311 "MQTT-2.3.1-2" "a client gives a new packet an identifier that is free"
        because ["about clients"];
    V311 "MQTT-2.3.1-3" "a client sends a packet again with its identifier, which is free after the acknowledgement"
        because ["about clients"];
    V311 "MQTT-2.3.1-4" "the same holds for a server's PUBLISH packets"
        by ["packet_identifiers_of_the_server_are_in_use_once",
            "a_session_keeps_what_the_client_has_not_acknowledged"];
    V311 "MQTT-2.3.1-5" "PUBLISH at QoS 0 has no packet identifier"
        by ["a_message_at_qos_0_has_no_packet_identifier"];
    V311 "MQTT-2.3.1-6" "PUBACK, PUBREC and PUBREL have the identifier of their PUBLISH"
        by ["acknowledgements_have_the_packet_identifier_of_what_they_answer",
            "a_session_keeps_what_the_client_has_not_acknowledged"];
    V311 "MQTT-2.3.1-7" "SUBACK and UNSUBACK have the identifier of what they answer"
        by ["acknowledgements_have_the_packet_identifier_of_what_they_answer"];
    V311 "MQTT-3.1.0-1" "the first packet is CONNECT" by ["the_first_packet_is_connect"];
    V311 "MQTT-3.1.0-2" "a second CONNECT ends the connection"
        by ["a_second_connect_ends_the_connection"];
    V311 "MQTT-3.1.2-1" "another protocol name is not served as this protocol"
        by ["another_protocol_name_is_refused"];
    V311 "MQTT-3.1.2-2" "an unknown protocol level is told, and the connection closed"
        by ["an_unknown_protocol_level_is_refused_and_told"];
    V311 "MQTT-3.1.2-3" "the reserved connect flag is 0" by ["the_reserved_connect_flag_is_0"];
    V311 "MQTT-3.1.2-4" "without clean session the session goes on, or one that is kept begins"
        by ["a_session_goes_on_where_it_was", "without_a_session_one_is_begun"];
    V311 "MQTT-3.1.2-5" "a session stores messages above QoS 0 while its client is away"
        by ["a_session_goes_on_where_it_was"];
    V311 "MQTT-3.1.2-6" "a clean session begins with nothing, and leaves nothing"
        by ["clean_start_discards_the_session"];
    V311 "MQTT-3.1.2-7" "retained messages outlive sessions"
        by ["retained_messages_outlive_the_session_that_sent_them"];
    V311 "MQTT-3.1.2-8" "a will is kept, and published when the connection closes without DISCONNECT"
        by ["a_will_is_published_when_the_connection_breaks",
            "a_will_is_published_when_the_connection_is_reset",
            "a_will_is_published_when_the_client_breaks_the_rules",
            "a_will_is_published_when_the_client_says_nothing_for_too_long",
            "a_will_is_published_when_another_connection_takes_over"];
    V311 "MQTT-3.1.2-9" "a will that is announced is there, with its QoS and retain flag"
        by ["connect_flags_and_fields_agree", "a_will_is_published_when_the_connection_breaks",
            "a_will_is_retained_if_it_asks_for_it"];
    V311 "MQTT-3.1.2-10" "a will is gone once it was published, or after DISCONNECT"
        by ["a_will_is_not_published_after_disconnect"];
    V311 "MQTT-3.1.2-11" "without a will, its flags are 0 and its fields absent"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-12" "without a will, none is published"
        by ["a_will_is_not_published_after_disconnect"];
    V311 "MQTT-3.1.2-13" "without a will, its QoS is 0" by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-14" "the QoS of a will is not 3" by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-15" "without a will, its retain flag is 0"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-16" "a will without its retain flag is not retained"
        by ["a_will_is_retained_if_it_asks_for_it"];
    V311 "MQTT-3.1.2-17" "a will with its retain flag is retained"
        by ["a_will_is_retained_if_it_asks_for_it"];
    V311 "MQTT-3.1.2-18" "a user name that is not announced is absent"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-19" "a user name that is announced is there"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-20" "a password that is not announced is absent"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-21" "a password that is announced is there"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-22" "there is no password without a user name"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.2-23" "a client says something within its keep-alive" because ["about clients"];
    V311 "MQTT-3.1.2-24" "a client that is silent for 1.5 times its keep-alive is cast out"
        by ["a_client_that_says_nothing_for_one_and_a_half_times_its_keep_alive_is_cast_out",
            "bytes_that_make_no_packet_are_no_sign_of_life", "any_packet_keeps_a_connection_alive"];
    V311 "MQTT-3.1.3-1" "the fields of CONNECT have their order"
        by ["a_connect_with_everything_in_it_is_understood",
            "a_connect_packet_that_is_cut_anywhere_is_refused"];
    V311 "MQTT-3.1.3-2" "the client id names the session" by ["a_client_id_may_be_any_text"];
    V311 "MQTT-3.1.3-3" "the client id is there, as the first field"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.3-4" "the client id is a UTF-8 string"
        by ["strings_of_connect_that_are_no_utf_8_are_refused"];
    V311 "MQTT-3.1.3-5" "client ids of 1 to 23 letters and digits are let in"
        by ["a_client_id_may_be_any_text"];
    V311 "MQTT-3.1.3-6" "a client without an id is given one of its own"
        by ["clients_without_an_id_are_given_ids_of_their_own"];
    V311 "MQTT-3.1.3-7" "a client without an id asks for a clean session"
        by ["a_session_of_3_1_1_needs_a_client_id"];
    V311 "MQTT-3.1.3-8" "otherwise it is told 0x02, and its connection closed"
        by ["a_session_of_3_1_1_needs_a_client_id"];
    V311 "MQTT-3.1.3-9" "a client id that is refused is told 0x02, and its connection closed"
        by ["a_session_of_3_1_1_needs_a_client_id"];
    V311 "MQTT-3.1.3-10" "the will topic is a UTF-8 string"
        by ["strings_of_connect_that_are_no_utf_8_are_refused"];
    V311 "MQTT-3.1.3-11" "the user name is a UTF-8 string"
        by ["strings_of_connect_that_are_no_utf_8_are_refused",
            "user_names_and_passwords_of_any_kind_are_well_formed"];
    V311 "MQTT-3.1.4-1" "a CONNECT that is malformed closes the connection without CONNACK"
        by ["a_connect_packet_that_is_cut_anywhere_is_refused", "connect_flags_and_fields_agree"];
    V311 "MQTT-3.1.4-2" "a client id that is in use takes over"
        by ["a_client_id_that_is_used_again_takes_over"];
    V311 "MQTT-3.1.4-3" "the server does what clean session asks for"
        by ["clean_start_discards_the_session", "a_session_goes_on_where_it_was"];
    V311 "MQTT-3.1.4-4" "CONNECT is answered by CONNACK with 0"
        by ["without_a_session_one_is_begun"];
    V311 "MQTT-3.1.4-5" "what follows a CONNECT that was refused is not processed"
        by ["what_follows_a_refused_connect_is_not_processed"];
    V311 "MQTT-3.2.0-1" "the server's first packet is CONNACK"
        by ["a_client_need_not_wait_for_connack"];
    V311 "MQTT-3.2.2-1" "to a clean session, no session is present"
        by ["clean_start_discards_the_session"];
    V311 "MQTT-3.2.2-2" "a session that there is, is present" by ["a_session_goes_on_where_it_was"];
    V311 "MQTT-3.2.2-3" "without one, none is" by ["without_a_session_one_is_begun"];
    V311 "MQTT-3.2.2-4" "nor with a return code other than 0"
        by ["a_session_of_3_1_1_needs_a_client_id",
            "what_follows_a_refused_connect_is_not_processed"];
    V311 "MQTT-3.2.2-5" "after which the connection is closed"
        by ["a_session_of_3_1_1_needs_a_client_id",
            "what_follows_a_refused_connect_is_not_processed"];
    V311 "MQTT-3.2.2-6" "where no return code applies, it is closed without CONNACK"
        by ["connect_flags_and_fields_agree"];
    V311 "MQTT-3.12.4-1" "PINGREQ is answered by PINGRESP" by ["each_pingreq_is_answered"];
    V311 "MQTT-3.14.1-1" "reserved flags of DISCONNECT are 0"
        by ["reserved_flags_of_the_fixed_header_end_the_connection"];
    V311 "MQTT-3.14.4-1" "a client closes its connection after DISCONNECT"
        because ["about clients; the server does it where they do not"];
    V311 "MQTT-3.14.4-2" "a client sends nothing after DISCONNECT"
        because ["about clients; the server would not read it"];
    V311 "MQTT-3.14.4-3" "DISCONNECT discards the will"
        by ["a_will_is_not_published_after_disconnect"];
    V311 "MQTT-4.1.0-1" "a session's state is stored as long as it lasts"
        by ["a_session_goes_on_where_it_was",
            "a_session_keeps_what_the_client_has_not_acknowledged",
            "a_session_keeps_what_the_client_has_not_released"];
    V311 "MQTT-4.1.0-2" "a session lasts as long as its connection at least"
        by ["a_session_is_there_as_long_as_its_connection"];
    V311 "MQTT-4.8.0-1" "who breaks the protocol has its connection closed"
        by ["a_packet_that_is_cut_anywhere_ends_its_connection_and_no_other",
            "a_packet_with_bytes_too_many_ends_its_connection",
            "malformed_packets_in_frames_end_the_connection",
            "malformed_packets_over_tls_end_the_connection",
            "packets_that_no_client_sends_end_the_connection"];
    V311 "MQTT-4.8.0-2" "a transient error closes the connection of the packet"
        because ["there is none that the server could not wait for: its acknowledgements wait while the disk is full"];
    V311 "MQTT-6.0.0-1" "packets come in binary frames; others close the connection"
        by ["data_that_is_not_binary_ends_the_connection"];
    V311 "MQTT-6.0.0-2" "packets need not be aligned with frames"
        by ["packets_need_not_be_aligned_with_frames", "large_messages_pass_through_frames"];
    V311 "MQTT-6.0.0-3" "a client offers the sub-protocol mqtt" because ["about clients"];
    V311 "MQTT-6.0.0-4" "the server chooses the sub-protocol mqtt" by ["the_sub_protocol_is_mqtt"];
    V311 "MQTT-7.0.0-1" "a server that connects to others is a client as well"
        because ["the embedded broker connects to none; the client for external brokers has tests of its own"];
    V311 "MQTT-7.0.0-2" "no extension is needed to be understood"
        by ["a_connect_with_everything_in_it_is_understood",
            "clients_of_both_transports_and_versions_reach_one_another"];
    V311 "MQTT-7.1.1-1" "the server takes an ordered and lossless stream of bytes"
        by ["clients_over_tls_and_tcp_reach_one_another",
            "clients_of_both_transports_and_versions_reach_one_another"];
    V311 "MQTT-7.1.2-1" "so does the client" because ["about clients"];

    V5 "MQTT-1.5.4-1" "strings are well-formed UTF-8"
        by ["strings_that_are_no_utf_8_or_have_u_0000_in_them_end_the_connection",
            "strings_of_connect_that_are_no_utf_8_are_refused"];
    V5 "MQTT-1.5.4-2" "strings are without U+0000"
        by ["strings_that_are_no_utf_8_or_have_u_0000_in_them_end_the_connection",
            "strings_of_connect_that_are_no_utf_8_are_refused"];
    V5 "MQTT-1.5.4-3" "U+FEFF is kept wherever it is"
        by ["a_byte_order_mark_is_a_character_like_others"];
    V5 "MQTT-1.5.5-1" "lengths have as few bytes as they can"
        by ["a_length_of_more_than_four_bytes_ends_the_connection",
            "large_messages_pass_through_frames"];
    V5 "MQTT-1.5.7-1" "both strings of a pair are strings"
        by ["strings_that_are_no_utf_8_or_have_u_0000_in_them_end_the_connection"];
    V5 "MQTT-2.1.3-1" "reserved flags have the value of the table"
        by ["reserved_flags_of_the_fixed_header_end_the_connection"];
    V5 "MQTT-2.2.1-2" "PUBLISH at QoS 0 has no packet identifier"
        by ["a_message_at_qos_0_has_no_packet_identifier"];
    V5 "MQTT-2.2.1-3" "a client's packet identifiers are free, and not 0"
        by ["packet_identifier_0_ends_the_connection"];
    V5 "MQTT-2.2.1-4" "a server's packet identifiers are free, and not 0"
        by ["packet_identifiers_of_the_server_are_in_use_once"];
    V5 "MQTT-2.2.1-5" "acknowledgements have the identifier of their PUBLISH"
        by ["acknowledgements_have_the_packet_identifier_of_what_they_answer",
            "a_session_keeps_what_the_client_has_not_acknowledged"];
    V5 "MQTT-2.2.1-6" "SUBACK and UNSUBACK have the identifier of what they answer"
        by ["acknowledgements_have_the_packet_identifier_of_what_they_answer"];
    V5 "MQTT-2.2.2-1" "no properties are said by a length of 0"
        by ["the_property_length_is_there_even_if_it_is_0"];
    V5 "MQTT-3.1.0-1" "the first packet is CONNECT" by ["the_first_packet_is_connect"];
    V5 "MQTT-3.1.0-2" "a second CONNECT is a protocol error"
        by ["a_second_connect_ends_the_connection"];
    V5 "MQTT-3.1.2-1" "another protocol name closes the connection"
        by ["another_protocol_name_is_refused"];
    V5 "MQTT-3.1.2-2" "another version closes the connection"
        by ["an_unknown_protocol_level_is_refused_and_told"];
    V5 "MQTT-3.1.2-3" "the reserved connect flag is 0" by ["the_reserved_connect_flag_is_0"];
    V5 "MQTT-3.1.2-4" "clean start discards the session"
        by ["clean_start_discards_the_session", "clean_start_can_begin_a_session_that_lasts"];
    V5 "MQTT-3.1.2-5" "without clean start the session goes on"
        by ["a_session_goes_on_where_it_was"];
    V5 "MQTT-3.1.2-6" "or one begins" by ["without_a_session_one_is_begun"];
    V5 "MQTT-3.1.2-7" "a will is stored with the session"
        by ["a_will_is_published_when_the_connection_breaks", "a_will_waits_for_its_delay"];
    V5 "MQTT-3.1.2-8" "a will is published after the connection closed and its delay, or the session, ended"
        by ["a_will_is_published_when_the_connection_breaks",
            "a_will_is_published_when_the_connection_is_reset",
            "a_will_is_published_when_the_client_breaks_the_rules",
            "a_will_is_published_when_the_client_says_nothing_for_too_long",
            "a_will_is_published_when_another_connection_takes_over",
            "a_client_may_leave_and_have_its_will_published", "a_will_waits_for_its_delay",
            "coming_back_too_late_cancels_nothing",
            "a_will_is_published_when_its_session_ends_before_its_delay"];
    V5 "MQTT-3.1.2-9" "a will that is announced is there" by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-10" "a will is gone once it was published, or after DISCONNECT with 0"
        by ["a_will_is_not_published_after_disconnect"];
    V5 "MQTT-3.1.2-11" "without a will, its QoS is 0" by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-12" "the QoS of a will is not 3" by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-13" "without a will, its retain flag is 0" by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-14" "a will without its retain flag is not retained"
        by ["a_will_is_retained_if_it_asks_for_it"];
    V5 "MQTT-3.1.2-15" "a will with its retain flag is retained"
        by ["a_will_is_retained_if_it_asks_for_it"];
    V5 "MQTT-3.1.2-16" "a user name that is not announced is absent"
        by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-17" "a user name that is announced is there"
        by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-18" "a password that is not announced is absent"
        by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-19" "a password that is announced is there"
        by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.2-20" "a client says something within its keep-alive" because ["about clients"];
    V5 "MQTT-3.1.2-21" "a client takes the server's keep-alive" because ["about clients"];
    V5 "MQTT-3.1.2-22" "a client that is silent for 1.5 times its keep-alive is cast out"
        by ["a_client_that_says_nothing_for_one_and_a_half_times_its_keep_alive_is_cast_out",
            "bytes_that_make_no_packet_are_no_sign_of_life", "any_packet_keeps_a_connection_alive"];
    V5 "MQTT-3.1.2-23" "a session with an expiry interval is stored when its connection closes"
        by ["a_session_goes_on_where_it_was", "clean_start_can_begin_a_session_that_lasts",
            "a_session_that_never_expires_is_kept"];
    V5 "MQTT-3.1.2-24" "no packet is larger than the client's maximum"
        by ["a_packet_that_is_too_large_for_its_client_is_not_sent",
            "a_refusal_in_words_is_no_larger_than_its_client_takes",
            "an_answer_in_words_is_no_larger_than_its_client_takes"];
    V5 "MQTT-3.1.2-25" "a message that is too large counts as sent"
        by ["a_packet_that_is_too_large_for_its_client_is_not_sent",
            "what_waits_for_a_client_and_is_too_large_for_it_is_passed_over"];
    V5 "MQTT-3.1.2-26" "no topic alias is above the client's maximum"
        by ["topic_aliases_are_only_used_within_the_clients_maximum"];
    V5 "MQTT-3.1.2-27" "without a maximum there is none"
        by ["topic_aliases_are_only_used_within_the_clients_maximum"];
    V5 "MQTT-3.1.2-28" "no response information for who does not want it"
        by ["a_client_is_told_no_more_than_it_wants_to_know"];
    V5 "MQTT-3.1.2-29" "no problem information for who does not want it"
        by ["a_client_is_told_no_more_than_it_wants_to_know"];
    V5 "MQTT-3.1.2-30" "a client that authenticates waits for CONNACK" because ["about clients"];
    V5 "MQTT-3.1.3-1" "the fields of CONNECT have their order"
        by ["a_connect_with_everything_in_it_is_understood",
            "a_connect_packet_that_is_cut_anywhere_is_refused"];
    V5 "MQTT-3.1.3-2" "the client id names the session" by ["a_client_id_may_be_any_text"];
    V5 "MQTT-3.1.3-3" "the client id is there, as the first field"
        by ["connect_flags_and_fields_agree"];
    V5 "MQTT-3.1.3-4" "the client id is a UTF-8 string"
        by ["strings_of_connect_that_are_no_utf_8_are_refused"];
    V5 "MQTT-3.1.3-5" "client ids of 1 to 23 letters and digits are let in"
        by ["a_client_id_may_be_any_text"];
    V5 "MQTT-3.1.3-6" "a client without an id is given one of its own"
        by ["clients_without_an_id_are_given_ids_of_their_own"];
    V5 "MQTT-3.1.3-7" "it is told, and is the client's from then on"
        by ["clients_without_an_id_are_given_ids_of_their_own"];
    V5 "MQTT-3.1.3-8" "a client id that is refused closes the connection"
        because ["the server refuses none that is a string; one that belongs to somebody else is a test of identities"];
    V5 "MQTT-3.1.3-9" "coming back within the delay cancels the will"
        by ["coming_back_in_time_cancels_a_will",
            "a_will_that_was_cancelled_does_not_come_when_its_session_ends"];
    V5 "MQTT-3.1.3-10" "a will keeps the order of its user properties"
        by ["a_will_is_passed_on_with_its_properties"];
    V5 "MQTT-3.1.3-11" "the will topic is a UTF-8 string"
        by ["strings_of_connect_that_are_no_utf_8_are_refused"];
    V5 "MQTT-3.1.3-12" "the user name is a UTF-8 string"
        by ["strings_of_connect_that_are_no_utf_8_are_refused",
            "user_names_and_passwords_of_any_kind_are_well_formed"];
    V5 "MQTT-3.1.4-1" "a CONNECT that is malformed closes the connection"
        by ["a_connect_packet_that_is_cut_anywhere_is_refused", "connect_flags_and_fields_agree",
            "properties_of_connect_that_the_standard_forbids_are_refused"];
    V5 "MQTT-3.1.4-2" "so does one that the server refuses for another reason"
        by ["enhanced_authentication_is_refused",
            "user_names_and_passwords_of_any_kind_are_well_formed"];
    V5 "MQTT-3.1.4-3" "a client id that is in use takes over, and the old connection is told"
        by ["a_client_id_that_is_used_again_takes_over"];
    V5 "MQTT-3.1.4-4" "the server does what clean start asks for"
        by ["clean_start_discards_the_session", "a_session_goes_on_where_it_was"];
    V5 "MQTT-3.1.4-5" "CONNECT is answered by CONNACK with 0" by ["without_a_session_one_is_begun"];
    V5 "MQTT-3.1.4-6" "what follows a CONNECT that was refused is not processed"
        by ["what_follows_a_refused_connect_is_not_processed"];
    V5 "MQTT-3.2.0-1" "the server's first packet is CONNACK"
        by ["a_client_need_not_wait_for_connack", "the_first_packet_is_connect"];
    V5 "MQTT-3.2.0-2" "there is one CONNACK in a connection"
        by ["a_client_need_not_wait_for_connack", "a_second_connect_ends_the_connection"];
    V5 "MQTT-3.2.2-1" "the reserved flags of CONNACK are 0"
        by ["without_a_session_one_is_begun", "a_session_goes_on_where_it_was"];
    V5 "MQTT-3.2.2-2" "to a clean start, no session is present"
        by ["clean_start_discards_the_session"];
    V5 "MQTT-3.2.2-3" "otherwise it is if there is one"
        by ["a_session_goes_on_where_it_was", "without_a_session_one_is_begun"];
    V5 "MQTT-3.2.2-4" "a client without a session closes the connection where one is present"
        because ["about clients"];
    V5 "MQTT-3.2.2-5" "a client discards its session where none is present"
        because ["about clients"];
    V5 "MQTT-3.2.2-6" "with a reason code other than 0 no session is present"
        by ["what_follows_a_refused_connect_is_not_processed",
            "enhanced_authentication_is_refused"];
    V5 "MQTT-3.2.2-7" "from 0x80 on the connection is closed"
        by ["what_follows_a_refused_connect_is_not_processed",
            "enhanced_authentication_is_refused"];
    V5 "MQTT-3.2.2-8" "reason codes are those of the table"
        by ["enhanced_authentication_is_refused",
            "properties_of_connect_that_the_standard_forbids_are_refused"];
    V5 "MQTT-3.2.2-9" "a server without QoS 1 or 2 says so"
        by ["what_the_server_can_do_is_what_it_says"];
    V5 "MQTT-3.2.2-10" "subscriptions of each QoS are taken all the same"
        by ["what_the_server_can_do_is_what_it_says"];
    V5 "MQTT-3.2.2-11" "a client keeps to the server's maximum QoS" because ["about clients"];
    V5 "MQTT-3.2.2-12" "a will above the server's maximum QoS is refused"
        because ["the server takes every QoS"];
    V5 "MQTT-3.2.2-13" "a retained will is refused by a server that retains nothing"
        because ["the server retains messages"];
    V5 "MQTT-3.2.2-14" "a client retains nothing where the server does not"
        because ["about clients"];
    V5 "MQTT-3.2.2-15" "a client keeps to the server's maximum packet size"
        by ["a_packet_beyond_the_servers_maximum_ends_the_connection"];
    V5 "MQTT-3.2.2-16" "a client id that is assigned is nobody else's"
        by ["clients_without_an_id_are_given_ids_of_their_own"];
    V5 "MQTT-3.2.2-17" "a client keeps to the server's topic alias maximum"
        because ["about clients"];
    V5 "MQTT-3.2.2-18" "a client uses no alias where there is no maximum" because ["about clients"];
    V5 "MQTT-3.2.2-19" "a reason string does not make CONNACK too large"
        by ["a_refusal_in_words_is_no_larger_than_its_client_takes"];
    V5 "MQTT-3.2.2-20" "nor do user properties"
        by ["a_refusal_in_words_is_no_larger_than_its_client_takes"];
    V5 "MQTT-3.2.2-21" "a client takes the server's keep-alive" because ["about clients"];
    V5 "MQTT-3.2.2-22" "without one, the client's holds"
        by ["a_server_that_shortens_the_keep_alive_says_so",
            "a_client_that_says_nothing_for_one_and_a_half_times_its_keep_alive_is_cast_out"];
    V5 "MQTT-3.12.4-1" "PINGREQ is answered by PINGRESP" by ["each_pingreq_is_answered"];
    V5 "MQTT-3.14.0-1" "a server says no DISCONNECT before CONNACK"
        by ["the_first_packet_is_connect", "connect_flags_and_fields_agree"];
    V5 "MQTT-3.14.1-1" "reserved flags of DISCONNECT are 0"
        by ["reserved_flags_of_the_fixed_header_end_the_connection"];
    V5 "MQTT-3.14.2-1" "reason codes are those of the table"
        by ["a_second_connect_ends_the_connection", "a_client_id_that_is_used_again_takes_over"];
    V5 "MQTT-3.14.2-2" "a server's DISCONNECT has no session expiry interval"
        by ["a_second_connect_ends_the_connection",
            "a_session_without_expiry_cannot_be_given_one_at_its_end"];
    V5 "MQTT-3.14.2-3" "a reason string does not make DISCONNECT too large"
        by ["an_answer_in_words_is_no_larger_than_its_client_takes"];
    V5 "MQTT-3.14.2-4" "nor do user properties"
        by ["an_answer_in_words_is_no_larger_than_its_client_takes"];
    V5 "MQTT-3.14.4-1" "nothing follows DISCONNECT"
        by ["a_second_connect_ends_the_connection", "nothing_is_read_after_disconnect"];
    V5 "MQTT-3.14.4-2" "the connection is closed after DISCONNECT"
        by ["a_second_connect_ends_the_connection", "nothing_is_read_after_disconnect"];
    V5 "MQTT-3.14.4-3" "DISCONNECT with 0 discards the will"
        by ["a_will_is_not_published_after_disconnect"];
    V5 "MQTT-3.15.1-1" "reserved flags of AUTH are 0"
        by ["reserved_flags_of_the_fixed_header_end_the_connection"];
    V5 "MQTT-3.15.2-1" "reason codes of AUTH are those of the table"
        because ["the server sends no AUTH"];
    V5 "MQTT-3.15.2-2" "a reason string does not make AUTH too large"
        because ["the server sends no AUTH"];
    V5 "MQTT-3.15.2-3" "nor do user properties" because ["the server sends no AUTH"];
    V5 "MQTT-4.1.0-1" "a session's state is kept while its connection is open"
        by ["a_session_is_there_as_long_as_its_connection"];
    V5 "MQTT-4.1.0-2" "it is discarded when the connection is closed and the expiry interval has passed"
        by ["a_session_ends_when_its_expiry_interval_has_passed",
            "a_session_is_gone_the_moment_it_expires",
            "a_session_without_expiry_ends_with_its_connection",
            "disconnect_may_change_the_expiry_interval"];
    V5 "MQTT-4.2.0-1" "the server takes an ordered and lossless stream of bytes"
        by ["clients_over_tls_and_tcp_reach_one_another",
            "clients_of_both_transports_and_versions_reach_one_another"];
    V5 "MQTT-4.12.0-1" "an unknown authentication method closes the connection"
        by ["enhanced_authentication_is_refused"];
    V5 "MQTT-4.12.0-2" "a server that needs more sends AUTH with 0x18"
        because ["the server knows no authentication method"];
    V5 "MQTT-4.12.0-3" "the client answers with 0x18" because ["about clients"];
    V5 "MQTT-4.12.0-4" "authentication that fails closes the connection"
        because ["the server knows no authentication method"];
    V5 "MQTT-4.12.0-5" "all packets of an authentication have its method"
        because ["the server knows no authentication method"];
    V5 "MQTT-4.12.0-6" "without a method there is no AUTH, and none in CONNACK"
        by ["enhanced_authentication_is_refused"];
    V5 "MQTT-4.12.0-7" "a client without a method sends no AUTH"
        by ["auth_ends_a_connection_that_was_opened_without_a_method"];
    V5 "MQTT-4.12.1-1" "authentication is repeated with the same method"
        because ["the server knows no authentication method"];
    V5 "MQTT-4.12.1-2" "one that fails closes the connection"
        because ["the server knows no authentication method"];
    V5 "MQTT-4.13.1-1" "malformed packets and protocol errors close the connection"
        by ["a_packet_that_is_cut_anywhere_ends_its_connection_and_no_other",
            "a_packet_with_bytes_too_many_ends_its_connection",
            "malformed_packets_in_frames_end_the_connection",
            "malformed_packets_over_tls_end_the_connection",
            "packets_that_no_client_sends_end_the_connection",
            "a_property_that_does_not_belong_there_ends_the_connection"];
    V5 "MQTT-4.13.2-1" "CONNACK and DISCONNECT with an error close the connection"
        by ["connect_flags_and_fields_agree",
            "a_packet_that_is_cut_anywhere_ends_its_connection_and_no_other"];
    V5 "MQTT-6.0.0-1" "packets come in binary frames; others close the connection"
        by ["data_that_is_not_binary_ends_the_connection"];
    V5 "MQTT-6.0.0-2" "packets need not be aligned with frames"
        by ["packets_need_not_be_aligned_with_frames", "large_messages_pass_through_frames"];
    V5 "MQTT-6.0.0-3" "a client offers the sub-protocol mqtt" because ["about clients"];
    V5 "MQTT-6.0.0-4" "the server chooses the sub-protocol mqtt" by ["the_sub_protocol_is_mqtt"];
};
