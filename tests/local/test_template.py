"""The template is read as CloudFormation reads it."""

from pathlib import Path

from local import template

TEXT = """
Resources:
  Fn::ForEach::Logs:
    - Function
    - [One, Two]
    - ${Function}Logs:
        Type: AWS::Logs::LogGroup
        Properties: {LogGroupName: !Sub "/x/${Function}", Of: {Ref: !Sub "${Function}"}}
  Reader:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Table.StreamArn, FunctionName: !Ref One, Size: !Join ["", [a, !Ref B]]}
"""


def test_short_tags_are_given_in_their_long_form(tmp_path: Path) -> None:
    properties = loaded(tmp_path)["Resources"]["Reader"]["Properties"]
    assert properties == {
        "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
        "FunctionName": {"Ref": "One"},
        "Size": {"Fn::Join": ["", ["a", {"Ref": "B"}]]},
    }


def test_a_loop_is_given_as_the_resources_it_stands_for(tmp_path: Path) -> None:
    groups = template.of_type(loaded(tmp_path), "AWS::Logs::LogGroup")
    assert {name: group["Properties"] for name, group in groups.items()} == {
        "OneLogs": {"LogGroupName": {"Fn::Sub": "/x/One"}, "Of": {"Ref": "One"}},
        "TwoLogs": {"LogGroupName": {"Fn::Sub": "/x/Two"}, "Of": {"Ref": "Two"}},
    }


def loaded(folder: Path) -> dict[str, dict[str, template.Resource]]:
    path = folder / "template.yaml"
    path.write_text(TEXT)
    return template.load(path)
